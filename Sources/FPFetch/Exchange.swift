import FPCurl
import NIOCore
import Synchronization

/// One fetch as both sides see it: a task waits for the head and takes the body, the driver's thread delivers.
final class Exchange: Sendable {
    private let state = Mutex(State())
    private let driver: Driver
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
    }

    init(_ driver: Driver, capacity: Int) {
        self.driver = driver
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
                if isRoomMade { driver.proceed(self) }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the fetch from this side, unless it has ended already. What arrived and was not taken is dropped.
    func cancel() {
        let isFirst = end(with: FetchError(.cancelled, detail: "the consumer went away"), keepingPieces: false)
        if isFirst { driver.abort(self) }
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

    func offer(_ bytes: UnsafeRawBufferPointer) -> Intake {
        let (intake, reader, piece) = state.withLock { state in
            guard state.end == nil else { return (Intake.unwanted, nil as Reader?, nil as ByteBuffer?) }
            guard state.buffered + bytes.count <= capacity || state.buffered == 0 else {
                state.isHeldBack = true
                return (.full, nil, nil)
            }
            state.append(bytes, pieceSize: Self.pieceSize)
            guard let reader = state.reader.take() else { return (.taken, nil, nil) }
            return (.taken, reader, state.pop())
        }
        if let reader { reader.resume(returning: .success(piece)) }
        return intake
    }

    /// Says that the whole file was delivered, or why it was not. What was delivered can still be taken.
    func finish(_ failure: FetchError? = nil) {
        _ = end(with: failure, keepingPieces: true)
    }

    /// Ends the fetch, and tells everybody who waits; false if it had ended before.
    ///
    /// Under one lock: if pieces were dropped apart from the end, a reader could see a success in between, and take a
    /// truncated file for a whole one.
    private func end(with failure: FetchError?, keepingPieces: Bool) -> Bool {
        let (isFirst, headWaiter, reader, known) = state.withLock { state in
            guard state.end == nil else { return (false, nil as HeadWaiter?, nil as Reader?, nil as Taken?) }
            state.end = failure.map { .failure($0) } ?? .success(())
            if !keepingPieces { state.discard() }
            if state.head == nil, let failure { state.head = .failure(failure) }
            let reader = state.reader.take()
            return (true, state.headWaiter.take(), reader, reader == nil ? nil : state.take())
        }
        if let headWaiter {
            guard let failure else { preconditionFailure("a fetch succeeded without a head") }
            headWaiter.resume(returning: .failure(failure))
        }
        if let reader, let known { reader.resume(returning: known) }
        return isFirst
    }

    private typealias HeadWaiter = CheckedContinuation<Result<FetchResponse.Head, FetchError>, Never>
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
        if let space = tail?.writableBytes, space >= bytes.count {
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
