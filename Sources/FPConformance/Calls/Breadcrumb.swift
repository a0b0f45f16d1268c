import Glibc
import Synchronization

/// The last call that was begun, kept in a file that outlives the process: so that a crash or a hang can be told with the
/// call that it happened in.
final class Breadcrumb: Sendable {
    static let shared = Breadcrumb()
    private static let size = 64
    private let descriptor = Atomic<Int32>(-1)

    /// Keeps crumbs from now on, in this file.
    func begin(_ descriptor: Int32) { self.descriptor.store(descriptor, ordering: .releasing) }

    func leave(_ step: String) {
        let descriptor = descriptor.load(ordering: .acquiring)
        guard descriptor >= 0 else { return }
        var bytes = Array(step.utf8.prefix(Self.size))
        bytes += [UInt8](repeating: 0, count: Self.size - bytes.count)
        pwrite(descriptor, bytes, bytes.count, 0)
    }

    static func read(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: size)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0 }, as: UTF8.self)
    }
}
