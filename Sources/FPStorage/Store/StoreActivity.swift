import Logging
import Synchronization

/// What goes on in a store: calls under way, open handles, and what their outcomes say about the back-end.
final class StoreActivity: CallObserver {
    let breaker: Breaker
    let writes = WriteRecord()
    private let logger: Logger
    private let calls = Atomic<Int>(0)
    private let closing = Atomic<Bool>(false)
    private let handles = Mutex<[ObjectIdentifier: PluginHandle]>([:])

    init(logger: Logger) {
        self.logger = logger
        breaker = Breaker { state, reason in
            switch state {
            case .ok: logger.notice("the store is well again")
            case .degraded: logger.warning("the store is DEGRADED: \(reason)")
            case .down: logger.error("the store is DOWN, its calls fail at once: \(reason)")
            }
        }
    }

    /// Whether the store is shutting down.
    var isClosing: Bool { closing.load(ordering: .sequentiallyConsistent) }

    /// Whether no call is under way and no handle open.
    var isQuiet: Bool {
        calls.load(ordering: .sequentiallyConsistent) == 0 && handles.withLock { $0.isEmpty }
    }

    /// From here on no call begins.
    /// - Returns: false if that was so already.
    func beginClosing() -> Bool {
        !closing.exchange(true, ordering: .sequentiallyConsistent)
    }

    func callBegan() {
        calls.add(1, ordering: .sequentiallyConsistent)
    }

    func callEnded() {
        calls.subtract(1, ordering: .sequentiallyConsistent)
    }

    func answered(_ site: CallSite, error: StoreError?) {
        let operation = site.operation
        guard operation.showsHealth else { return }
        guard let error else {
            breaker.succeeded()
            writes.succeeded(operation)
            return
        }
        // What the host is short of says nothing about the back-end, neither good nor bad.
        if error.isHostExhausted { return }
        writes.failed(operation, error, isOwnKey: site.subject.isOwn)
        if let failure = error.backendFailure(subject: site.subject.hash) {
            breaker.failed(failure, "\(operation.rawValue): \(error.message)")
        } else {
            breaker.succeeded()
        }
    }

    func threadLost(in operation: StoreOperation) {
        logger.error("\(operation.rawValue) has not come back long after its deadline; its thread is written off")
        if operation.showsHealth { breaker.failed(.grave, "\(operation.rawValue) does not come back") }
    }

    func returnedLate(from operation: StoreOperation, after duration: Duration) {
        logger.warning("\(operation.rawValue) came back after \(duration.shown), when nobody waited for it any more")
    }

    func opened(_ handle: PluginHandle) {
        handles.withLock { $0[ObjectIdentifier(handle)] = handle }
    }

    func closed(_ handle: PluginHandle) {
        handles.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(handle)) }
    }

    /// Closes what nobody closed, so that the instance can be destroyed.
    func closeHandles() {
        let open = handles.withLock { Array($0.values) }
        for handle in open { handle.close() }
    }
}
