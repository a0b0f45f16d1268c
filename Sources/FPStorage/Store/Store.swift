import FPContext
import FPPluginAPI
import Logging
import Synchronization

/// A configured back-end, for the rest of the host: an asynchronous face on a plugin's blocking calls.
///
/// Calls run on threads of the store's own, as many at once as the plugin bears; event loops and Swift's pool never
/// block. Calls end by their deadline; cancelling the task cancels the call. Repeatable calls are retried after
/// transient failures. When the back-end keeps failing, the store goes down and refuses at once until it is well again.
public final class Store: Sendable {
    /// The store's name in the configuration.
    public let name: String
    /// The plugin behind it.
    public let library: PluginLibrary

    let settings: StoreSettings
    let errors: ErrorMaker
    let logger: Logger
    let activity: StoreActivity
    let pool: WorkerPool
    let instance: PluginInstance
    /// Where calls go that must not wait behind data.
    private let controlPool: WorkerPool
    private let journalEntry: UInt64
    /// Why the plugin is never called, if it is not.
    let held: String?
    private let declaration: Mutex<InstanceDeclaration>

    /// What the store can do. Read again after each successful health call, for some plugins learn it on first contact.
    public var capabilities: StoreCapabilities { declaration.withLock { $0.capabilities } }
    /// The sizes and limits that the plugin declares.
    public var limits: StoreLimits { declaration.withLock { $0.limits } }
    /// How the store is doing, as far as its calls have shown.
    public var state: StoreHealth.State { condition.state }
    /// Why the store is not well; empty if it is.
    public var stateReason: String { condition.problems.max { $0.kind.state < $1.kind.state }?.reason ?? "" }
    /// Whether the store takes no more calls, for good.
    public var isShuttingDown: Bool { activity.isClosing }
    /// Bytes that the plugin holds of the host's allocator, for this store.
    public var allocatedBytes: Int { instance.host.allocatedBytes }

    /// Opens a store: lets the plugin check the options and make its instance. The back-end need not be reachable.
    ///
    /// Blocks for as long as the plugin takes, at most `settings.deadline` plus `settings.hangGrace`, so never on an
    /// event loop.
    /// - Parameter config: the options, complete: see ``PluginConfigNode/completed(by:directory:)``.
    /// - Throws: ``StoreError`` with `.config` if the options are at fault.
    public static func open(
        name: String, library: PluginLibrary, config: PluginConfigNode, settings: StoreSettings, logger: Logger
    ) throws(StoreError) -> Store {
        var logger = logger
        logger[metadataKey: "store"] = .string(name)
        let errors = ErrorMaker(store: name, mask: SecretMask(config.secrets))
        let host = HostTable(info: library.host.info, log: PluginLog(logger: logger, mask: errors.mask))
        let site = CallSite(
            store: name, operation: .create, observer: nil,
            journalEntry: CallJournal.entry(store: name, plugin: library.path))
        let call = BlockingCall<OpenedInstance>(
            site, deadline: .now + settings.deadline, grace: settings.hangGrace, requestContext: RequestContext.current
        ) { context throws(StoreError) in
            try OpenedInstance(
                library: library, host: host, config: config, settings: settings, errors: errors, context: context)
        }
        let opened = try call.wait(in: library.control, lane: .control)
        return Store(name: name, opened: opened, settings: settings, logger: logger)
    }

    init(
        name: String, opened: OpenedInstance, settings: StoreSettings, logger: Logger, held: String? = nil
    ) {
        self.name = name
        self.held = held
        self.settings = settings
        self.logger = logger
        library = opened.instance.library
        instance = opened.instance
        errors = opened.instance.errors
        activity = StoreActivity(logger: logger)
        declaration = Mutex(opened.declaration)
        journalEntry = CallJournal.entry(store: name, plugin: opened.instance.library.path)
        (pool, controlPool) = Self.pools(for: name, opened, settings)
        if let held { activity.breaker.reported(.down, held) }
    }

    deinit {
        stopPools()
    }

    /// A store that may have one call at a time has one thread, on which control calls overtake data but do not run
    /// beside them.
    private static func pools(
        for name: String, _ opened: OpenedInstance, _ settings: StoreSettings
    ) -> (data: WorkerPool, control: WorkerPool) {
        let limits = opened.declaration.limits
        if limits.threading == .serialLibrary {
            return (opened.instance.library.control, opened.instance.library.control)
        }
        let isParallel = limits.threading == .parallel
        let wanted = min(settings.threads ?? StoreLimits.defaultConcurrency, limits.maxConcurrency)
        let size = isParallel ? max(1, wanted) : 1
        let data = WorkerPool(
            name: "fp-\(name)", size: size, queueBound: settings.queue ?? max(256, 64 * size),
            replacements: isParallel ? size : 0, idleThreadLifetime: settings.idleThreadLifetime)
        Watchdog.shared.register(data)
        guard isParallel else { return (data, data) }
        let control = WorkerPool(
            name: "fp-\(name)-ctl", size: 2, queueBound: 256, replacements: 2,
            idleThreadLifetime: settings.idleThreadLifetime)
        Watchdog.shared.register(control)
        return (data, control)
    }

    private func stopPools() {
        for pool in [pool, controlPool] where pool !== library.control { pool.stop() }
    }

    /// Ends the store: no call begins any more, those under way may finish, handles are closed, the instance is
    /// destroyed. Waits for all that, but no longer than a call may take. Calls that are stuck beyond it keep the
    /// instance alive: it is destroyed when they come back.
    public nonisolated(nonsending) func shutdown() async {
        guard activity.beginClosing() else { return }
        let patience = MonotonicTime.now + settings.longDeadline + settings.hangGrace
        var pause = Duration.milliseconds(1)
        activity.closeHandles()
        while !activity.isQuiet, MonotonicTime.now < patience {
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(50))
            activity.closeHandles()
        }
        if activity.isQuiet {
            await instance.destroy()
        } else {
            logger.error("the store is left behind: a call in the plugin does not come back")
        }
        stopPools()
    }

    func site(_ operation: StoreOperation, about subject: CallSubject = .none) -> CallSite {
        CallSite(
            store: name, operation: operation, observer: activity, journalEntry: journalEntry, subject: subject)
    }

    /// Asks the plugin again what the store can do.
    nonisolated(nonsending) func refreshDeclaration() async {
        let result = await submit(.caps, to: library.control, lane: .control, deadline: .now + settings.deadline) {
            [instance, settings, errors] _ throws(StoreError) in
            try InstanceDeclaration(
                of: instance.pointer, table: instance.library.table, settings: settings, errors: errors)
        }
        switch result {
        case .success(let fresh):
            declaration.withLock { declaration in
                declaration.capabilities = fresh.capabilities
                let threading = declaration.limits.threading
                declaration.limits = fresh.limits
                // The pools were made for the first declaration, so its threading stays in force.
                declaration.limits.threading = threading
            }
        case .failure(let error):
            logger.warning("the store's capabilities are those of before: \(error)")
        }
    }

    /// The pool for data and for closing handles, and the one for health calls and discards. They are one unless the
    /// plugin takes several calls at once.
    var pools: (data: WorkerPool, control: WorkerPool) { (pool, controlPool) }
}
