import Glibc
import Synchronization

/// The name of the last call that was begun, kept in a file that outlives the process. So a crash or a hang can be reported
/// with the call that it happened in. Until `begin` nothing is kept.
package final class Breadcrumb: Sendable {
    package static let shared = Breadcrumb()
    private static let size = 64
    private let descriptor = Atomic<Int32>(-1)

    /// Keeps the names of calls from now on, in this open file.
    package func begin(_ descriptor: Int32) { self.descriptor.store(descriptor, ordering: .releasing) }

    /// Writes down that a call begins, or is over.
    package func leave(_ step: String) {
        let descriptor = descriptor.load(ordering: .acquiring)
        guard descriptor >= 0 else { return }
        var bytes = Array(step.utf8.prefix(Self.size))
        bytes += [UInt8](repeating: 0, count: Self.size - bytes.count)
        pwrite(descriptor, bytes, bytes.count, 0)
    }

    /// What was written down last.
    package static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: size)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0 }, as: UTF8.self)
    }
}
