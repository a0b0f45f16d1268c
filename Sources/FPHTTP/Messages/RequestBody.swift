import NIOCore
import Synchronization

/// The body of a request, pulled by one reader while the connection reads ahead.
public final class RequestBody: Sendable {
    /// How much is kept between the connection and the reader, in bytes.
    struct Limits: Sendable {
        /// Past this the socket is not read.
        var highWater = 1 << 20
        /// The high-water mark while the server's budget is exhausted.
        var floor = 64 << 10
        /// What one call of `next()` returns at most, give or take a buffer; and what is gathered for one that waits,
        /// as long as more keeps coming.
        var batch = 1 << 20
    }

    private enum Ending {
        case whole
        case failed(BodyError)
    }

    private struct State {
        var buffers = CircularBuffer<ByteBuffer>(initialCapacity: 4)
        var buffered = 0
        /// What the last `next()` returned: still in use until the following call.
        var lent = 0
        var received: Int64 = 0
        var ending: Ending?
        var isEndTold = false
        var hasBegun = false
        var isHolding = false
        var waiter: UnsafeContinuation<Void, Never>?
    }

    private enum Step {
        case buffers([ByteBuffer], resumes: Bool)
        case wait(begins: Bool)
        case whole
        case failed(BodyError)
    }

    private let state: Mutex<State>
    private let expected: Int64?
    private let limits: Limits
    private let budget: BodyBudget
    private let source: (any BodySource)?

    init(expected: Int64?, limits: Limits, budget: BodyBudget, source: any BodySource) {
        self.state = Mutex(State())
        self.expected = expected
        self.limits = limits
        self.budget = budget
        self.source = source
    }

    /// A body that is at hand already, for code that makes requests itself.
    ///
    /// - Parameters:
    ///   - buffers: What it holds.
    ///   - error: How it ends; nil for a whole body.
    public init(_ buffers: [ByteBuffer] = [], endingWith error: BodyError? = nil) {
        var state = State()
        for buffer in buffers where buffer.readableBytes > 0 {
            state.buffers.append(buffer)
            state.buffered += buffer.readableBytes
        }
        state.received = Int64(state.buffered)
        state.ending = error.map(Ending.failed) ?? .whole
        self.expected = error == nil ? state.received : nil
        self.limits = Limits()
        self.budget = BodyBudget(limit: .max)
        self.source = nil
        self.budget.charge(state.buffered)
        self.state = Mutex(state)
    }

    deinit {
        state.withLock { budget.refund($0.buffered + $0.lent) }
    }

    /// Bytes that have arrived so far, read or not.
    public var received: Int64 {
        state.withLock(\.received)
    }

    /// Everything that has arrived since the last call, in order, about 1 MiB at most; waits when there is nothing.
    ///
    /// The first call answers `Expect: 100-continue`. While the reader works on what it got, the connection goes on
    /// reading up to its high-water mark. What a call returned is taken to be done with at the next call.
    ///
    /// - Returns: Buffers, none of them empty; nil at the end of the body, and at every call after that.
    /// - Throws: ``BodyError``, once all bytes that came before the failure have been returned
    ///   (``BodyError/cancelled`` at once); and again at every call after that.
    public func next() async throws(BodyError) -> [ByteBuffer]? {
        while true {
            switch state.withLock({ take(from: &$0) }) {
            case .buffers(let buffers, let resumes):
                if resumes {
                    source?.resumeReading()
                }
                return buffers
            case .whole:
                return nil
            case .failed(let error):
                throw error
            case .wait(let begins):
                if begins {
                    source?.beginReading()
                }
                await arrival()
            }
        }
    }

    /// What ``next()`` would return without waiting, for the reader's own use on another thread: one that works on what
    /// the reader got before, while the reader waits for that work and asks for nothing itself.
    ///
    /// - Returns: Buffers, none of them empty; no buffers at the end of a whole body; nil if there is nothing yet or if
    ///   the body has failed, which ``next()`` tells.
    public func nextWithoutWaiting() -> [ByteBuffer]? {
        let step: Step? = state.withLock { state in
            if state.buffers.isEmpty {
                guard case .whole = state.ending else {
                    return nil
                }
            }
            return take(from: &state)
        }
        switch step {
        case .buffers(let buffers, let resumes):
            if resumes {
                source?.resumeReading()
            }
            return buffers
        case .whole:
            return []
        case .wait, .failed, nil:
            return nil
        }
    }

    /// The whole body in one buffer, for bodies known to be small.
    ///
    /// - Throws: ``BodyError/tooLarge(limit:)`` as soon as more than `limit` bytes are announced or have arrived;
    ///   otherwise as ``next()``.
    public func collect(upTo limit: Int) async throws(BodyError) -> ByteBuffer {
        if let expected, expected > limit {
            throw .tooLarge(limit: limit)
        }
        var whole = ByteBuffer()
        while let buffers = try await next() {
            for var buffer in buffers {
                guard whole.readableBytes + buffer.readableBytes <= limit else {
                    throw .tooLarge(limit: limit)
                }
                if whole.readableBytes == 0 {
                    whole = buffer
                } else {
                    whole.writeBuffer(&buffer)
                }
            }
        }
        return whole
    }

    /// Ends the body for its reader: a pending or later ``next()`` throws ``BodyError/cancelled``. From any thread.
    ///
    /// What was not read yet is dropped, and the connection closes after the response. A body whose end was already
    /// read stays read.
    public func stop() {
        let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            if state.isEndTold {
                return nil
            }
            state.ending = .failed(.cancelled)
            drop(&state)
            return state.waiter.take()
        }
        waiter?.resume()
        source?.resumeReading()
    }

    private func take(from state: inout State) -> Step {
        budget.refund(state.lent)
        state.lent = 0
        if !state.buffers.isEmpty {
            state.hasBegun = true
            var batch: [ByteBuffer] = []
            batch.reserveCapacity(state.buffers.count)
            while let buffer = state.buffers.first, state.lent == 0 || state.lent < limits.batch {
                state.buffers.removeFirst()
                state.lent += buffer.readableBytes
                batch.append(buffer)
            }
            state.buffered -= state.lent
            let resumes = state.isHolding && !isFull(state)
            if resumes {
                state.isHolding = false
            }
            return .buffers(batch, resumes: resumes)
        }
        switch state.ending {
        case .whole:
            state.hasBegun = true
            state.isEndTold = true
            return .whole
        case .failed(let error):
            state.hasBegun = true
            state.isEndTold = true
            return .failed(error)
        case nil:
            let begins = !state.hasBegun
            state.hasBegun = true
            return .wait(begins: begins)
        }
    }

    private func arrival() async {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let ready = state.withLock { state in
                    if !state.buffers.isEmpty || state.ending != nil {
                        return true
                    }
                    precondition(state.waiter == nil, "a request body has one reader")
                    state.waiter = continuation
                    return false
                }
                if ready {
                    continuation.resume()
                }
            }
        } onCancel: {
            stop()
        }
    }

    private func drop(_ state: inout State) {
        budget.refund(state.buffered)
        state.buffered = 0
        state.buffers.removeAll()
        state.isHolding = false
    }

    private func isFull(_ state: State) -> Bool {
        state.buffered >= limits.highWater || (state.buffered >= limits.floor && budget.isExhausted)
    }
}

/// The connection, as a body sees it. Called from any thread.
protocol BodySource: Sendable {
    /// The handler asked for the body and none of it is there.
    func beginReading()
    /// There is room again.
    func resumeReading()
}

// What the connection does, on its event loop.
extension RequestBody {
    /// What is to be done after bytes have arrived.
    enum Demand {
        /// Nothing: more may come.
        case more
        /// The reader waits, but is better told of more bytes at once: ``announce()`` is due in a moment.
        case gather
        /// The socket should be left alone until ``BodySource/resumeReading()``.
        case hold
    }

    /// Adds what has arrived.
    func receive(_ buffer: ByteBuffer) -> Demand {
        let (waiter, demand) = state.withLock { state -> (UnsafeContinuation<Void, Never>?, Demand) in
            state.received += Int64(buffer.readableBytes)
            if state.ending != nil {
                return (nil, .more)
            }
            append(buffer, to: &state)
            if state.waiter != nil {
                let isEnough =
                    state.buffered >= (budget.isStrained ? limits.floor : min(limits.batch, limits.highWater))
                return isEnough ? (state.waiter.take(), .more) : (nil, .gather)
            }
            state.isHolding = isFull(state)
            return (nil, state.isHolding ? .hold : .more)
        }
        waiter?.resume()
        return demand
    }

    /// Tells a reader that waits of the bytes that were gathered for it.
    func announce() {
        let waiter = state.withLock { state in
            state.buffers.isEmpty ? nil : state.waiter.take()
        }
        waiter?.resume()
    }

    /// Tells the reader that this was all.
    func finish() {
        end(.whole)
    }

    /// Tells the reader that no more will come, and why.
    func fail(_ error: BodyError) {
        end(.failed(error))
    }

    /// Whether a reader has begun and will still learn from `next()` how the body ended.
    var isBeingRead: Bool {
        state.withLock { $0.hasBegun && !$0.isEndTold }
    }

    var hasBegun: Bool {
        state.withLock(\.hasBegun)
    }

    private func end(_ ending: Ending) {
        let waiter = state.withLock { state -> UnsafeContinuation<Void, Never>? in
            if state.ending == nil {
                state.ending = ending
            }
            return state.waiter.take()
        }
        waiter?.resume()
    }

    /// A slice keeps its whole receive buffer alive, so small slices of large buffers are gathered in a small one.
    private func append(_ buffer: ByteBuffer, to state: inout State) {
        let count = buffer.readableBytes
        state.buffered += count
        budget.charge(count)
        guard count < 16 << 10, count * 2 < buffer.storageCapacity else {
            state.buffers.append(buffer)
            return
        }
        if var last = state.buffers.last, last.writableBytes >= count {
            // The queue's own reference has to go, or writing would copy what is there.
            state.buffers.removeLast()
            last.writeImmutableBuffer(buffer)
            state.buffers.append(last)
            return
        }
        var gathered = ByteBuffer()
        gathered.reserveCapacity(max(count, 32 << 10))
        gathered.writeImmutableBuffer(buffer)
        state.buffers.append(gathered)
    }
}
