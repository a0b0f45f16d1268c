import CFPStorage
import FPContext
import Synchronization

/// What a call is and whom to tell about it: enough to make an error of whatever becomes of it.
struct CallSite: Sendable {
    let store: String
    let operation: StoreOperation
    let observer: (any CallObserver)?
    /// What stands for store and plugin in the ``CallJournal``; 0 for nothing.
    let journalEntry: UInt64
    var subject = CallSubject.none
}

/// What a call is about, as far as it matters to what its failure means.
struct CallSubject: Sendable {
    /// Tells keys apart, or sessions where the key is not known.
    var hash: Int
    /// Whether the host made the key up.
    var isOwn: Bool

    static let none = CallSubject(hash: 0, isOwn: false)

    init(hash: Int, isOwn: Bool) {
        self.hash = hash
        self.isOwn = isOwn
    }

    init(_ key: String, isOwn: Bool = false) {
        self.init(hash: key.hashValue, isOwn: isOwn)
    }
}

/// Hears what becomes of calls.
protocol CallObserver: AnyObject, Sendable {
    /// A call has been made; it ends with `callEnded`.
    func callBegan()
    /// Nothing remembers the call any more: it has come back and its caller has heard of it, or it never ran.
    func callEnded()
    /// The plugin has answered.
    func answered(_ site: CallSite, error: StoreError?)
    /// A call is past its grace; its thread is lost.
    func threadLost(in operation: StoreOperation)
    /// A call that was given up came back.
    func returnedLate(from operation: StoreOperation, after: Duration)
}

/// A job with a result.
///
/// `@unchecked Sendable` as its base: `result` is written by the pool thread before it claims the result, and read
/// after.
class ResultJob<Value: Sendable>: PoolJob, @unchecked Sendable {
    typealias Body = @Sendable (CallContext) throws(StoreError) -> Value

    private let site: CallSite
    private let body: Body
    private var result: Result<Value, StoreError>?

    init(
        _ site: CallSite, deadline: MonotonicTime, grace: Duration, requestContext: RequestContext?,
        body: @escaping Body
    ) {
        self.site = site
        self.body = body
        super.init(deadline: deadline, grace: grace, requestContext: requestContext)
        site.observer?.callBegan()
    }

    deinit {
        site.observer?.callEnded()
    }

    /// Hands the outcome to whoever waits.
    func resume(_ result: Result<Value, StoreError>) {}

    override func work(_ context: CallContext) {
        fps_call_begins(site.journalEntry | site.operation.number)
        defer { fps_call_ends() }
        do throws(StoreError) {
            result = .success(try body(context))
            site.observer?.answered(site, error: nil)
        } catch {
            result = .failure(error)
            site.observer?.answered(site, error: error)
        }
    }

    override func deliver() {
        guard let result else { return }
        self.result = nil
        resume(result)
    }

    override func giveUp(_ reason: GivenUp) {
        resume(.failure(error(for: reason)))
    }

    override var name: String { site.operation.rawValue }

    override func threadLost() {
        site.observer?.threadLost(in: site.operation)
    }

    override func returnedLate() {
        result = nil
        site.observer?.returnedLate(from: site.operation, after: .now - submitted)
    }

    /// Queues the job; if the pool refuses, the caller is resumed with the reason.
    func start(in pool: WorkerPool, lane: WorkerPool.Lane) {
        if wasCancelledEarly { return giveUp(.cancelledWaiting) }
        guard let refusal = pool.submit(self, lane: lane), claimWaiting() else { return }
        resume(.failure(error(for: refusal)))
    }

    private func error(for reason: GivenUp) -> StoreError {
        let waited = (MonotonicTime.now - submitted).shown
        let unknown = site.operation.changesStore
        return switch reason {
        case .cancelledWaiting: make(.cancelled, "cancelled while it waited for a thread")
        case .expiredWaiting: make(.timeout, "waited \(waited) for a thread, which is all the time it had")
        case .cancelledRunning:
            make(.cancelled, "cancelled; the plugin has not come back", outcomeUnknown: unknown)
        case .writtenOff:
            make(
                .timeout, "the plugin has not come back after \(waited), deadline and grace; its thread is written off",
                outcomeUnknown: unknown)
        case .noThread: make(.unavailable, "the system gives no more threads", retryAfter: .seconds(1))
        }
    }

    private func error(for refusal: WorkerPool.Refusal) -> StoreError {
        switch refusal {
        case .queueFull(let waiting):
            make(
                .unavailable, "\(waiting) calls are waiting already, as many as its queue takes",
                retryAfter: .seconds(1))
        case .noThread:
            make(.unavailable, "all its threads are stuck in the plugin", retryAfter: .seconds(5))
        case .stopped:
            make(.unavailable, "the store is shut down")
        }
    }

    private func make(
        _ code: StoreError.Code, _ message: String, retryAfter: Duration? = nil, outcomeUnknown: Bool = false
    ) -> StoreError {
        StoreError(
            code, store: site.store, operation: site.operation.rawValue, message: message, retryAfter: retryAfter,
            outcomeUnknown: outcomeUnknown)
    }
}

/// A job that a task waits for.
///
/// `@unchecked Sendable` as its base: the continuation is set before the job is queued and used once, by whoever claims
/// the resumption.
final class Call<Value: Sendable>: ResultJob<Value>, @unchecked Sendable {
    typealias Continuation = UnsafeContinuation<Result<Value, StoreError>, Never>

    private var continuation: Continuation?

    func start(_ continuation: Continuation, in pool: WorkerPool, lane: WorkerPool.Lane) {
        self.continuation = continuation
        // Only a task with an executor of its own may let a thread have it.
        mayLendThread = withUnsafeCurrentTask { $0?.unownedTaskExecutor != nil }
        start(in: pool, lane: lane)
    }

    override func resume(_ result: Result<Value, StoreError>) {
        continuation?.resume(returning: result)
        continuation = nil
    }
}

/// A job that nobody waits for.
final class DetachedCall: ResultJob<Void>, @unchecked Sendable {}

/// A job that a thread waits for: only where there is no task yet, when a store is opened.
///
/// `@unchecked Sendable` as its base: `outcome` is written before the wake-up and read after it.
final class BlockingCall<Value: Sendable>: ResultJob<Value>, @unchecked Sendable {
    private var outcome: Result<Value, StoreError>?
    private let wakeUp: UnsafeMutablePointer<UInt32> = {
        let word = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
        word.initialize(to: 0)
        return word
    }()

    deinit {
        wakeUp.deallocate()
    }

    override func resume(_ result: Result<Value, StoreError>) {
        outcome = result
        fps_unpark(wakeUp)
    }

    func wait(in pool: WorkerPool, lane: WorkerPool.Lane) throws(StoreError) -> Value {
        start(in: pool, lane: lane)
        while true {
            _ = fps_park(wakeUp, .max, 0)
            if let outcome { return try outcome.get() }
        }
    }
}
