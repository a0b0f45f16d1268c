/// How calls get onto the pool and back.
extension Store {
    /// Runs a call once: refused while the store is down or shutting down.
    nonisolated(nonsending) func run<Value: Sendable>(
        _ operation: StoreOperation, deadline: MonotonicTime? = nil, _ body: @escaping ResultJob<Value>.Body
    ) async throws(StoreError) -> Value {
        try await admit(operation)
        let deadline = deadline ?? .now + (operation.isLong ? settings.longDeadline : settings.deadline)
        let (pool, lane) = place(of: operation)
        return try await submit(operation, to: pool, lane: lane, deadline: deadline, body).get()
    }

    /// Runs a call that may be repeated: tries again, inside one deadline, after failures that pass.
    nonisolated(nonsending) func runRepeatedly<Value: Sendable>(
        _ operation: StoreOperation, _ body: @escaping ResultJob<Value>.Body
    ) async throws(StoreError) -> Value {
        let deadline = MonotonicTime.now + settings.deadline
        var policy = RetryPolicy(deadline: deadline)
        while true {
            do throws(StoreError) {
                return try await run(operation, deadline: deadline, body)
            } catch {
                guard let pause = policy.pause(after: error) else { throw error }
                logger.debug("\(operation.rawValue) failed in passing, again in \(pause.shown): \(error)")
                try await sleep(pause, in: operation)
            }
        }
    }

    /// Hands a job to a pool and waits for its outcome. The job's own errors are in the result, and those of the pool.
    nonisolated(nonsending) func submit<Value: Sendable>(
        _ operation: StoreOperation, to pool: WorkerPool, lane: WorkerPool.Lane, deadline: MonotonicTime,
        _ body: @escaping ResultJob<Value>.Body
    ) async -> Result<Value, StoreError> {
        let call = Call<Value>(
            site(operation), deadline: deadline, grace: settings.hangGrace, traceID: Self.traceID, body: body)
        // The call is counted now: a shutdown either sees it, or is seen here.
        if activity.isClosing, lane != .release {
            return .failure(unavailable(operation, "the store is shutting down", retryAfter: nil))
        }
        // A handle goes back to the plugin also for a task that wants nothing any more: otherwise nobody would do it.
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

    /// Checks a key against R6 and the store's own limit.
    func check(_ key: String, for operation: StoreOperation) throws(StoreError) {
        do throws(ObjectKey.Violation) {
            try ObjectKey.validate(key, maxBytes: limits.maxKeyBytes)
        } catch {
            throw errors.misuse(operation, error.message)
        }
    }

    /// Lets a data call through, or not. One caller of a store that is down asks it how it is.
    private nonisolated(nonsending) func admit(_ operation: StoreOperation) async throws(StoreError) {
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
