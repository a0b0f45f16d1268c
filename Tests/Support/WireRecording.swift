import Foundation
import Glibc

/// What the tests' clients sent and what came back, for `scripts/wire-recording`: one line of JSON per answer.
///
/// Nothing is written unless `FPHOST_WIRE_RECORDING` names a directory.
final class WireRecording: Sendable {
    /// The recording of this process; `nil` if none is wanted.
    static let current: WireRecording? = ProcessInfo.processInfo.environment["FPHOST_WIRE_RECORDING"].map {
        WireRecording(directory: $0)
    }

    private struct Exchange: Encodable {
        let request: Data
        let sent: Int
        let head: String
        let body: Data
        let received: Int
    }

    /// Bytes of a request, and of a body, that are kept: what differs shows at the beginning or in the length.
    private static let kept = 2048

    private let descriptor: Int32

    private init(directory: String) {
        let path = "\(directory)/\(getpid()).jsonl"
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        precondition(descriptor >= 0, "\(path) cannot be made: errno \(errno)")
    }

    /// Adds an answer, with everything that was sent on its connection since the one before.
    func add(request: [UInt8], head: String, body: [UInt8]) {
        let exchange = Exchange(
            request: Data(request.prefix(Self.kept)), sent: request.count, head: head,
            body: Data(body.prefix(Self.kept)), received: body.count)
        guard var line = try? JSONEncoder().encode(exchange) else { return }
        line.append(UInt8(ascii: "\n"))
        // One write at the end of the file: those of other threads do not come between.
        _ = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
