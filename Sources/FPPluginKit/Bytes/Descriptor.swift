import Glibc

/// A file descriptor that is closed when its owner lets go of it.
///
/// It should have been opened with `O_CLOEXEC`: the process is the host's, and may start others.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor itself: borrowed, so never closed by whoever asks for it.
    public let raw: Int32
    private var isLocked = false

    /// Takes over an open descriptor.
    public init(owning raw: Int32) { self.raw = raw }

    deinit {
        // A child that the host is just starting shares the lock until it runs its own program: closing alone would
        // leave it locked for that long.
        if isLocked { flock(raw, LOCK_UN) }
        close(raw)
    }

    /// Another descriptor of the same open file, close-on-exec.
    /// - Returns: nil if the process may have no more.
    public func duplicate() -> Descriptor? {
        let other = fcntl(raw, F_DUPFD_CLOEXEC, 0)
        return other < 0 ? nil : Descriptor(owning: other)
    }

    /// Gives the descriptor to whoever closes it from now on. Not for one with a lock.
    consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    /// Takes the file's lock (`flock`) if nobody has it, and holds it until the descriptor is closed.
    /// - Returns: 0, `EWOULDBLOCK` if somebody else holds it, or another `errno`.
    public mutating func tryLock() -> Int32 {
        guard flock(raw, LOCK_EX | LOCK_NB) == 0 else { return errno }
        isLocked = true
        return 0
    }
}
