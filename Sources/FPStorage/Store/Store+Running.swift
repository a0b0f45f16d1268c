import FPContext

/// How calls get onto the pool and back.
extension Store {
    /// Runs a call once: refused while the store is down or shutting down.
    nonisolated(nonsending) func run<Value: Sendable>(
        _ operation: StoreOperation, about subject: CallSubject, deadline: MonotonicTime? = nil,
        _ body: @escaping ResultJob<Value>.Body
    ) async throws(StoreError) -> Value {
        try await admit(operation)
        let deadline = deadline ?? self.deadline(of: operation)
        let (pool, lane) = place(of: operation)
        let result = await submit(operation, about: subject, to: pool, lane: lane, deadline: deadline, body)
        // In a task of its own, so that the caller gets its failure without waiting for the health call as well.
        if case .failure = result, activity.breaker.takeSuspicion() {
            Task { [self] in _ = try? await health() }
        }
        return try result.get()
    }

    /// Runs a call that may be repeated: retries it, within one deadline, after transient failures.
    nonisolated(nonsending) func runRepeatedly<Value: Sendable>(
        _ operation: StoreOperation, about subject: CallSubject, until deadline: MonotonicTime? = nil,
        _ body: @escaping ResultJob<Value>.Body
    ) async throws(StoreError) -> Value {
        let deadline = deadline ?? self.deadline(of: operation)
        return try await repeating(operation, until: deadline) { () async throws(StoreError) in
            try await self.run(operation, about: subject, deadline: deadline, body)
        }
    }

    /// What is known of a try whose outcome the plugin could not tell.
    enum Lookup<Value> {
        /// It happened, and this is what it made.
        case happened(Value)
        /// It did not happen, or doing it once more is as good as having done it once.
        case mayRepeat
        /// Nobody can tell.
        case unknown
    }

    /// Retries, until a deadline, after transient failures. Between two tries no thread of a pool is held.
    ///
    /// After a try whose outcome is unknown, `looking` finds out what it did before anything is repeated. From then on
    /// `.exists` and `.notFound` may be effects of that try, so the first error is thrown in their place, and with
    /// ``StoreError/outcomeUnknown`` set.
    nonisolated(nonsending) func repeating<Value: Sendable>(
        _ operation: StoreOperation, until deadline: MonotonicTime,
        _ attempt: nonisolated(nonsending) () async throws(StoreError) -> Value,
        looking: nonisolated(nonsending) (StoreError) async throws(StoreError) -> Lookup<Value> = { _ in .mayRepeat }
    ) async throws(StoreError) -> Value {
        var policy = RetryPolicy(deadline: deadline)
        var previous: StoreError?
        var doubtful: StoreError?
        while true {
            var failure: StoreError
            do throws(StoreError) {
                return try await attempt()
            } catch {
                failure = error
            }
            // The first try was legal, so the plugin has given up its handle since: the failure before says why.
            if failure.code == .invalid, let previous { throw previous }
            if failure.outcomeUnknown || doubtful != nil {
                let first = doubtful ?? failure
                doubtful = first
                if failure.code == .exists || failure.code == .notFound { failure = first }
                failure.outcomeUnknown = true
                guard failure.code != .cancelled, MonotonicTime.now < deadline else { throw failure }
                switch try await looking(failure) {
                case .happened(let value): return value
                case .mayRepeat: break
                case .unknown: throw failure
                }
            }
            guard let pause = policy.pause(after: failure) else { throw failure }
            previous = failure
            logger.debug("\(operation.rawValue) failed in passing, again in \(pause.shown): \(failure)")
            do throws(StoreError) {
                try await sleep(pause, in: operation)
            } catch {
                var error = error
                error.outcomeUnknown = doubtful != nil
                throw error
            }
        }
    }

    /// When a call that is made now must be over.
    func deadline(of operation: StoreOperation) -> MonotonicTime {
        .now + (operation.isLong ? settings.longDeadline : settings.deadline)
    }

    /// Hands a job to a pool and waits for its outcome. The result has the errors of the job and those of the pool.
    nonisolated(nonsending) func submit<Value: Sendable>(
        _ operation: StoreOperation, about subject: CallSubject = .none, to pool: WorkerPool, lane: WorkerPool.Lane,
        deadline: MonotonicTime, _ body: @escaping ResultJob<Value>.Body
    ) async -> Result<Value, StoreError> {
        let call = Call<Value>(
            site(operation, about: subject), deadline: deadline, grace: settings.hangGrace,
            requestContext: RequestContext.current,
            body: body)
        // `Call.init` has counted the call: a shutdown that begins now waits for it, an earlier one is seen here.
        if activity.isClosing, lane != .release {
            return .failure(unavailable(operation, "the store is shutting down", retryAfter: nil))
        }
        // A release is not cancelled with its task: nobody else would give the handle back to the plugin.
        if lane == .release {
            return await withUnsafeContinuation { call.start($0, in: pool, lane: lane) }
        }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { call.start($0, in: pool, lane: lane) }
        } onCancel: {
            call.cancel()
        }
    }

    /// Discards come in hundreds when the host cleans up; they are not to wait behind data, nor data behind them.
    private func place(of operation: StoreOperation) -> (WorkerPool, WorkerPool.Lane) {
        operation == .writeDiscard ? (pools.control, .control) : (pools.data, .data)
    }

    nonisolated(nonsending) func sleep(_ pause: Duration, in operation: StoreOperation) async throws(StoreError) {
        do {
            try await Task.sleep(for: pause)
        } catch {
            throw StoreError(
                .cancelled, store: name, operation: operation.rawValue, message: "cancelled between two tries")
        }
    }

    /// Checks a key against rule R6 of fp_plugin.h and the store's own limit.
    func check(_ key: String, for operation: StoreOperation) throws(StoreError) {
        do throws(ObjectKey.Violation) {
            try ObjectKey.validate(key, maxBytes: limits.maxKeyBytes)
        } catch {
            throw errors.misuse(operation, error.message)
        }
    }

    /// Lets a data call through, or not. One caller of a store that is down asks it how it is.
    private nonisolated(nonsending) func admit(_ operation: StoreOperation) async throws(StoreError) {
        if let held {
            throw unavailable(operation, "the store is down: \(held)", retryAfter: .seconds(60))
        }
        switch activity.breaker.admit() {
        case .pass: return
        case .refuse(let retryAfter, let reason):
            throw unavailable(operation, "the store is down: \(reason)", retryAfter: retryAfter)
        case .probe:
            // Its outcome is in the breaker; what it throws is not this call's error.
            _ = try? await health()
            if case .refuse(let retryAfter, let reason) = activity.breaker.admit(probing: false) {
                throw unavailable(operation, "the store is down: \(reason)", retryAfter: retryAfter)
            }
        }
    }

    private func unavailable(_ operation: StoreOperation, _ message: String, retryAfter: Duration?) -> StoreError {
        StoreError(
            .unavailable, store: name, operation: operation.rawValue, message: message, retryAfter: retryAfter)
    }
}
