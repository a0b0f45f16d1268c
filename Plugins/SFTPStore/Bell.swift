import FPPluginKit
import Glibc

/// Wakes a thread that sleeps in `poll`: the self-pipe trick, with a socket pair.
final class Bell: Sendable {
    /// Readable once it has rung.
    let descriptor: Descriptor
    private let rope: Descriptor

    /// Nil if the process has no descriptor left.
    init?() {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { return nil }
        descriptor = Descriptor(owning: ends[0])
        rope = Descriptor(owning: ends[1])
    }

    func ring() {
        var one: UInt8 = 1
        _ = write(rope.raw, &one, 1)
    }

    func silence() {
        var some: UInt64 = 0
        while read(descriptor.raw, &some, 8) > 0 {}
    }
}
