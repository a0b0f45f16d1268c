import FPPluginAPI

extension Store {
    /// Asks the back-end how it is: one cheap round trip, or with `deep` a probe object written, read and removed. Never
    /// waits behind data calls. What it finds sets the store's state.
    /// - Returns: what the plugin says; `.down` means reached but unfit.
    /// - Throws: ``StoreError`` if the back-end is not reached.
    @discardableResult
    public nonisolated(nonsending) func health(deep: Bool = false) async throws(StoreError) -> StoreHealth {
        if let held { return StoreHealth(state: .down, detail: held) }
        let result = await ask(deep: deep)
        switch result {
        case .success(let health):
            activity.writes.reported(health)
            activity.breaker.reported(health.state, health.detail)
            await refreshDeclaration()
            if deep { noteWritten(health) }
            if activity.writes.takeProbe() { await probeWrites() }
            return health
        case .failure(let error):
            activity.breaker.probeFailed(Self.gravity(of: error), error.message)
            throw error
        }
    }

    /// Finds out whether the store can be written again. Only that: a store that cannot be written can be read, and is
    /// not down for it.
    private nonisolated(nonsending) func probeWrites() async {
        guard case .success(let health) = await ask(deep: true) else { return }
        noteWritten(health)
    }

    /// A plugin from before ABI 1.1 cannot say what it is that a degraded store cannot do, and may not have tried.
    private func noteWritten(_ deep: StoreHealth) {
        let isClear = deep.state == .ok || (deep.state == .degraded && library.table.raw.head.abi_minor >= 1)
        if isClear, deep.limits.isEmpty { activity.writes.proven() }
    }

    private nonisolated(nonsending) func ask(deep: Bool) async -> Result<StoreHealth, StoreError> {
        await submit(.health, to: pools.control, lane: .control, deadline: .now + settings.deadline) {
            [instance, errors] context throws(StoreError) in
            var health = fp_health()
            health.struct_size = UInt32(MemoryLayout<fp_health>.size)
            health.total_bytes = FP_SIZE_UNKNOWN
            health.used_bytes = FP_SIZE_UNKNOWN
            health.free_bytes = FP_SIZE_UNKNOWN
            health.detail = context.scratch.wide(512)
            let flags = deep ? FP_HEALTHF_DEEP : 0
            try errors.check(.health, context) {
                instance.library.table.slots.health(instance.pointer.raw, $0, flags, &health)
            }
            return try StoreHealth(health, errors: errors)
        }
    }

    /// Asks after the store again and again until the task is cancelled: at its interval while it is well, sooner while
    /// it is not. Run one for each store.
    public nonisolated(nonsending) func monitor() async {
        while !Task.isCancelled, !activity.isClosing {
            _ = try? await health()
            let interval = settings.healthInterval * Double.random(in: 0.9...1.1)
            let isWell = activity.breaker.condition.state == .ok && activity.writes.troubles.isEmpty
            let pause = isWell ? interval : min(interval, activity.breaker.pauseBeforeProbe)
            try? await Task.sleep(for: pause)
        }
    }

    private static func gravity(of error: StoreError) -> Breaker.Failure? {
        if error.isHostExhausted { return nil }
        return switch error.code {
        case .auth, .config: .rejected
        case .cancelled, .unavailable: nil
        default: .grave
        }
    }
}

extension StoreHealth {
    fileprivate init(_ health: fp_health, errors: ErrorMaker) throws(StoreError) {
        guard health.state <= FP_HEALTH_DOWN, let state = State(rawValue: UInt8(health.state)) else {
            throw errors.defect(.health, "its state is \(health.state), where 0 to 2 are expected")
        }
        func known(_ bytes: UInt64) -> UInt64? { bytes == FP_SIZE_UNKNOWN ? nil : bytes }
        self.init(
            state: state, limits: StoreHealth.Limits(rawValue: health.limits),
            totalBytes: known(health.total_bytes), usedBytes: known(health.used_bytes),
            freeBytes: known(health.free_bytes), detail: errors.mask(health.detail.string ?? "").singleLine)
    }
}
