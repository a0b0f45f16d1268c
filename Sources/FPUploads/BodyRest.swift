import NIOCore
import Synchronization

/// What comes of a body while the bytes before it are being written, counted against what it may have.
final class BodyRest: Sendable {
    private struct State {
        var length: UInt64
        var isTooLong = false
    }

    private let body: any ByteSource
    private let limit: UInt64
    private let isFollowed: Bool
    private let state: Mutex<State>

    /// - Parameters:
    ///   - length: how many bytes have come of the body.
    ///   - limit: how many may come.
    ///   - isFollowed: whether to take anything at all.
    init(of body: some ByteSource, behind length: UInt64, atMost limit: UInt64, isFollowed: Bool) {
        self.body = body
        self.limit = limit
        self.isFollowed = isFollowed
        state = Mutex(State(length: length))
    }

    /// How many bytes have come, with those before.
    var length: UInt64 { state.withLock { $0.length } }

    /// Whether more came than may; what goes beyond was not given out.
    var isTooLong: Bool { state.withLock { $0.isTooLong } }

    /// As ``ByteSource/nextWithoutWaiting()``.
    func next() -> [ByteBuffer]? {
        guard isFollowed, !isTooLong, let buffers = body.nextWithoutWaiting() else { return nil }
        let count = buffers.reduce(UInt64(0)) { $0 + UInt64($1.readableBytes) }
        return state.withLock { state in
            guard state.length + count <= limit else {
                state.isTooLong = true
                return nil
            }
            state.length += count
            return buffers
        }
    }
}
