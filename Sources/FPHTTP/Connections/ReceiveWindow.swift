import NIOCore
import Synchronization

/// How much one read from the socket may bring: little between bodies, so that idle connections cost little, and much
/// within one, so that fast clients cost few system calls.
final class ReceiveWindow: Sendable {
    /// Bytes, while heads are expected.
    static let headSize = 16 << 10
    /// Bytes, within a body.
    static let bodySize = 1 << 20
    /// Bytes, within a body while there are many.
    static let strainedSize = 256 << 10
    /// Bytes, within a body over TLS, which keeps a buffer of the largest size that it had for as long as the connection lasts.
    static let encryptedSize = 128 << 10
    /// Bytes, within a body while the server's memory for bodies is used up.
    static let tightSize = 64 << 10

    private let maximum = Atomic(headSize)

    var size: Int {
        get { maximum.load(ordering: .relaxed) }
        set { maximum.store(newValue, ordering: .relaxed) }
    }

    /// The allocator to give to the channel.
    var allocator: any RecvByteBufferAllocator {
        Allocator(window: self)
    }

    private struct Allocator: RecvByteBufferAllocator {
        private static let minimum = 2 << 10

        let window: ReceiveWindow
        private var size = minimum
        private var isShrinking = false

        init(window: ReceiveWindow) {
            self.window = window
        }

        func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
            allocator.buffer(capacity: min(size, window.size))
        }

        /// Doubles after a full buffer, halves after two that were less than half full.
        ///
        /// Always returns true: the channel keeps a buffer for next time if told false, and an idle connection would
        /// sit on it.
        mutating func record(actualReadBytes count: Int) -> Bool {
            if count >= min(size, window.size) {
                size = min(max(size, Self.minimum) * 2, ReceiveWindow.bodySize)
                isShrinking = false
            } else if count <= size / 2, size > Self.minimum {
                if isShrinking {
                    size /= 2
                }
                isShrinking.toggle()
            } else {
                isShrinking = false
            }
            return true
        }
    }
}
