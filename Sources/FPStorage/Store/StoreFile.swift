import Glibc
import Synchronization

/// The bytes of an open read as a piece of a regular file, to be sent by the kernel. They stay what they are, whatever
/// becomes of the object and of the store. Closes the file when nobody holds it any more.
public final class StoreFile: Sendable {
    /// Of the first byte, in the file.
    public let offset: UInt64
    /// In bytes; offset and length together fit in an `Int64`.
    public let length: UInt64
    private let descriptor: Atomic<CInt>

    init(descriptor: CInt, offset: UInt64, length: UInt64) {
        self.descriptor = Atomic(descriptor)
        self.offset = offset
        self.length = length
    }

    deinit {
        let descriptor = take()
        if descriptor >= 0 { close(descriptor) }
    }

    /// The descriptor, for whoever closes it from now on; -1 if somebody has it already.
    ///
    /// Only for reads that name their offset: what else has the file open may share its position.
    public func take() -> CInt {
        descriptor.exchange(-1, ordering: .acquiringAndReleasing)
    }
}
