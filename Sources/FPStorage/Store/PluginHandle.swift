import Synchronization

/// An open reader or writer of a plugin's: sees to it that there is one call at a time on it, none after it has
/// failed, and exactly one that closes it.
final class PluginHandle: Sendable {
    private enum Phase {
        /// Between calls.
        case idle
        /// A call waits for a thread; it may yet be cancelled without a trace.
        case waiting
        /// A call is in the plugin.
        case running
        /// A close is on its way.
        case closing
        case closed
    }

    private struct State {
        var phase = Phase.idle
        /// Whether the handle is to be closed as soon as no call is on it.
        var isUnwanted = false
        /// Why no further call is legal, but for those that end the handle.
        var spent: String?
    }

    let store: Store
    private let pointer: PluginPointer
    private let closeOperation: StoreOperation
    private let subject: CallSubject
    private let state = Mutex(State())

    init(_ pointer: PluginPointer, of store: Store, closedBy closeOperation: StoreOperation, about subject: CallSubject)
    {
        self.pointer = pointer
        self.store = store
        self.closeOperation = closeOperation
        self.subject = subject
        store.activity.opened(self)
    }

    /// Makes a call on the handle, as one job on the store's pool.
    /// - Parameters:
    ///   - last: whether the call is legal on a handle that has failed.
    ///   - deadline: when the call must be over, if it is one of several tries.
    nonisolated(nonsending) func perform<Value: Sendable>(
        _ operation: StoreOperation, last: Bool = false, deadline: MonotonicTime? = nil,
        _ body: @escaping @Sendable (CallContext, OpaquePointer) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try begin(operation, last: last)
        do throws(StoreError) {
            return try await store.run(operation, about: subject, deadline: deadline) { context throws(StoreError) in
                self.enter()
                defer { self.leave() }
                return try body(context, self.pointer.raw)
            }
        } catch {
            settle()
            throw error
        }
    }

    /// Lets no further call through but those that end the handle. From within a call.
    func spend(_ reason: String) {
        state.withLock { $0.spent = reason }
    }

    /// Closes the handle, now or when the call in it has come back.
    func close() {
        if beginClosing() { closeDetached() }
    }

    /// Closes the handle and waits until it is closed; does not wait for a call that is stuck in it.
    nonisolated(nonsending) func closeAndWait() async {
        guard beginClosing() else { return }
        _ = await store.submit(closeOperation, to: store.pool, lane: .release, deadline: .now + store.settings.deadline)
        {
            _ in self.closeNow()
        }
    }

    /// Closes the handle on the thread that has just opened it.
    func closeInline() {
        if beginClosing() { closeNow() }
    }

    private func begin(_ operation: StoreOperation, last: Bool) throws(StoreError) {
        let complaint: String? = state.withLock { state in
            switch state.phase {
            case .closing, .closed: return state.spent ?? "it is closed"
            case .waiting, .running: return "another call on it is under way"
            case .idle:
                if let spent = state.spent, !last { return spent }
                state.phase = .waiting
                return nil
            }
        }
        if let complaint { throw store.errors.misuse(operation, complaint) }
    }

    private func enter() {
        state.withLock { $0.phase = .running }
    }

    private func leave() {
        if becomesIdle(from: .running) { closeNow() }
    }

    /// The call has failed: if it never reached the plugin, the handle is as it was.
    private func settle() {
        if becomesIdle(from: .waiting) { closeDetached() }
    }

    /// Whether the caller is to close the handle.
    private func becomesIdle(from phase: Phase) -> Bool {
        state.withLock { state in
            guard state.phase == phase else { return false }
            state.phase = state.isUnwanted ? .closing : .idle
            return state.isUnwanted
        }
    }

    /// Whether the caller is to close the handle.
    private func beginClosing() -> Bool {
        state.withLock { state in
            switch state.phase {
            case .idle:
                state.phase = .closing
                return true
            case .waiting, .running:
                state.isUnwanted = true
                return false
            case .closing, .closed:
                return false
            }
        }
    }

    private func closeDetached() {
        let call = DetachedCall(
            store.site(closeOperation), deadline: .now + store.settings.deadline, grace: store.settings.hangGrace,
            requestContext: nil
        ) { _ in self.closeNow() }
        call.start(in: store.pool, lane: .release)
    }

    private func closeNow() {
        switch closeOperation {
        case .readClose: store.library.table.slots.readClose(pointer.raw)
        default: store.library.table.slots.writeClose(pointer.raw)
        }
        state.withLock { $0.phase = .closed }
        store.activity.closed(self)
    }
}
