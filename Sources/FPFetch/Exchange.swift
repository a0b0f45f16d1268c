import NIOCore
import Synchronization

/// One fetch as both sides see it: a task waits for the head and takes the body, the driver's thread delivers.
final class Exchange: Sendable {
    private let state = Mutex(State())
    private let mailbox: Mailbox
    private let capacity: Int

    /// Pieces are filled up to this size, so that a consumer that lags gets few large ones.
    private static let pieceSize = 64 * 1024

    fileprivate struct State {
        var head: Result<FetchResponse.Head, FetchError>?
        var headWaiter: CheckedContinuation<Result<FetchResponse.Head, FetchError>, Never>?
        var pieces = CircularBuffer<ByteBuffer>()
        /// The last piece, still being filled. Apart from the others, where it could not be written to in place.
        var tail: ByteBuffer?
        var buffered = 0
        var isHeldBack = false
        var end: Result<Void, FetchError>?
        var reader: CheckedContinuation<Result<ByteBuffer?, FetchError>, Never>?
        var isCancelled = false
    }

    /// What became of bytes that were offered.
    enum Offer {
        case taken
        /// The same bytes must be offered again after the mailbox has a `.proceed`.
        case full
        /// Nobody wants them any more.
        case unwanted
    }

    init(mailbox: Mailbox, capacity: Int) {
        self.mailbox = mailbox
        self.capacity = capacity
    }
}

// The consumer's side.
extension Exchange {
    func head() async -> Result<FetchResponse.Head, FetchError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state -> Result<FetchResponse.Head, FetchError>? in
                    if state.head == nil { state.headWaiter = continuation }
                    return state.head
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            cancel()
        }
    }

    func next(isolation actor: isolated (any Actor)?) async -> Result<ByteBuffer?, FetchError> {
        await withTaskCancellationHandler {
            await withCheckedContinuation(isolation: actor) { continuation in
                let (known, isRoomMade) = state.withLock { state in
                    precondition(state.reader == nil, "the body of a fetch has one consumer")
                    let known = state.take()
                    if known == nil { state.reader = continuation }
                    let isRoomMade = state.isHeldBack && state.buffered <= capacity / 2
                    if isRoomMade { state.isHeldBack = false }
                    return (known, isRoomMade)
                }
                if let known { continuation.resume(returning: known) }
                if isRoomMade { mailbox.post(.proceed(self)) }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the fetch from this side, whatever state it is in.
    func cancel() {
        let wasRunning = state.withLock { state in
            let wasRunning = state.end == nil && !state.isCancelled
            state.isCancelled = true
            return wasRunning
        }
        guard wasRunning else { return }
        finish(.failure(FetchError(.cancelled, detail: "the consumer went away")))
        mailbox.post(.abort(self))
    }
}

// The driver's side.
extension Exchange {
    func deliver(_ head: FetchResponse.Head) {
        let waiter = state.withLock { state in
            if state.head == nil { state.head = .success(head) }
            return state.headWaiter.take()
        }
        waiter?.resume(returning: .success(head))
    }

    func offer(_ bytes: UnsafeRawBufferPointer) -> Offer {
        let (offer, reader, piece) = state.withLock { state in
            guard state.end == nil else { return (Offer.unwanted, nil as Reader?, nil as ByteBuffer?) }
            guard state.buffered + bytes.count <= capacity || state.buffered == 0 else {
                state.isHeldBack = true
                return (.full, nil, nil)
            }
            state.append(bytes, pieceSize: Self.pieceSize)
            guard let reader = state.reader.take() else { return (.taken, nil, nil) }
            return (.taken, reader, state.pop())
        }
        if let reader { reader.resume(returning: .success(piece)) }
        return offer
    }

    /// Says how the fetch ended; the first time counts. What was delivered before can still be taken, unless the
    /// consumer itself gave up.
    func finish(_ end: Result<Void, FetchError>) {
        let (head, reader, known) = state.withLock { state in
            if state.end == nil { state.end = end }
            if state.isCancelled { state.discard() }
            if state.head == nil, case .failure(let error) = end { state.head = .failure(error) }
            let head = state.head.flatMap { result in state.headWaiter.take().map { ($0, result) } }
            guard let reader = state.reader.take() else { return (head, nil as Reader?, nil as Taken?) }
            return (head, reader, state.take())
        }
        if let (waiter, result) = head { waiter.resume(returning: result) }
        if let reader, let known { reader.resume(returning: known) }
    }

    private typealias Taken = Result<ByteBuffer?, FetchError>
    private typealias Reader = CheckedContinuation<Taken, Never>
}

extension Exchange.State {
    /// The next piece or the end; nil if neither is there yet.
    fileprivate mutating func take() -> Result<ByteBuffer?, FetchError>? {
        if let piece = pop() { return .success(piece) }
        return end.map { $0.map { nil } }
    }

    fileprivate mutating func pop() -> ByteBuffer? {
        guard let piece = pieces.popFirst() ?? tail.take() else { return nil }
        buffered -= piece.readableBytes
        return piece
    }

    fileprivate mutating func append(_ bytes: UnsafeRawBufferPointer, pieceSize: Int) {
        buffered += bytes.count
        if let room = tail?.writableBytes, room >= bytes.count {
            tail?.writeBytes(bytes)
            return
        }
        if let full = tail.take() { pieces.append(full) }
        var piece = ByteBufferAllocator().buffer(capacity: Swift.max(pieceSize, bytes.count))
        piece.writeBytes(bytes)
        tail = piece
    }

    fileprivate mutating func discard() {
        pieces.removeAll()
        tail = nil
        buffered = 0
    }
}
