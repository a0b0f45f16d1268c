import FPPluginAPI
public import Logging

// A store whose plugin must not be called: the host runs, its other stores work, and every call on this one is refused
// with the reason.

extension Store {
    /// A store that is DOWN for as long as the process lives, and whose plugin is neither loaded nor called.
    /// - Parameters:
    ///   - plugin: the plugin's name.
    ///   - path: where the plugin is.
    ///   - reason: why; one sentence for the operator.
    public static func held(
        name: String, plugin: String, path: String, reason: String, host: PluginHostInfo, logger: Logger
    ) -> Store {
        var logger = logger
        logger[metadataKey: "store"] = .string(name)
        let table = HostTable(info: host, log: PluginLog(logger: logger))
        let library = PluginLibrary.standIn(for: plugin, path: path, host: table)
        let errors = ErrorMaker(store: name, mask: .none)
        // Never looked at: every slot of the table gives the same answer.
        let pointer = PluginPointer(raw: OpaquePointer(table.pointer))
        let opened = OpenedInstance(
            standIn: PluginInstance(pointer: pointer, library: library, host: table, errors: errors))
        return Store(name: name, opened: opened, settings: StoreSettings(), logger: logger, held: reason)
    }
}

extension PluginTable {
    /// A table whose slots refuse.
    init(standInFor plugin: String) {
        name = plugin
        version = ""
        threadingMax = .parallel
        options = []
        raw = fp_plugin()
        slots = Slots(
            create: { _, _, _, _ in FP_E_TRANSIENT }, destroy: { _ in }, caps: { _, _ in FP_E_TRANSIENT },
            health: { _, _, _, _ in FP_E_TRANSIENT }, stat: { _, _, _, _, _ in FP_E_TRANSIENT },
            readOpen: { _, _, _, _, _ in FP_E_TRANSIENT }, read: { _, _, _, _, _ in FP_E_TRANSIENT },
            readClose: { _ in }, writeBegin: { _, _, _, _, _ in FP_E_TRANSIENT },
            write: { _, _, _, _, _ in FP_E_TRANSIENT }, writeCommit: { _, _, _, _ in FP_E_TRANSIENT },
            writeAbort: { _, _ in FP_E_TRANSIENT }, writeClose: { _ in }, remove: { _, _, _, _ in FP_E_TRANSIENT })
    }
}

extension OpenedInstance {
    /// Declares all that the configuration may need. What the plugin would declare is not known, and all calls are
    /// refused anyway.
    fileprivate init(standIn instance: PluginInstance) {
        self.instance = instance
        var caps = fp_caps()
        caps.threading = FP_THREADS_PARALLEL
        caps.max_key_bytes = UInt32(ObjectKey.maxBytes)
        caps.max_object_size = FP_SIZE_UNKNOWN
        declaration = InstanceDeclaration(
            capabilities: [.resumable, .rewind, .presign], limits: StoreLimits(caps, concurrency: 1))
    }
}
