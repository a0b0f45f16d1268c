import FPPluginAPI

/// What an instance says of itself (`fp_caps`), checked.
struct InstanceDeclaration: Sendable {
    var capabilities: StoreCapabilities
    var limits: StoreLimits

    init(capabilities: StoreCapabilities, limits: StoreLimits) {
        self.capabilities = capabilities
        self.limits = limits
    }

    /// Asks the plugin, on the library's control thread.
    init(
        of instance: PluginPointer, table: PluginTable, settings: StoreSettings, errors: ErrorMaker
    ) throws(StoreError) {
        var caps = fp_caps()
        caps.struct_size = UInt32(MemoryLayout<fp_caps>.size)
        let status = table.slots.caps(instance.raw, &caps)
        guard status == FP_OK else {
            throw errors.defect(.caps, "it returned \(status), where FP_OK is the only answer")
        }
        capabilities = StoreCapabilities(rawValue: caps.flags)
        limits = StoreLimits(caps, concurrency: settings.threads ?? StoreLimits.defaultConcurrency)
        try Self.check(caps, table, errors)
        if let missing = table.missingSlots(for: capabilities).first {
            throw errors.defect(
                .caps,
                "it declares \(missing.capability), but its slot \"\(missing.slot)\" is NULL. Use another release of it"
            )
        }
    }

    private static func check(_ caps: fp_caps, _ table: PluginTable, _ errors: ErrorMaker) throws(StoreError) {
        guard let threading = StoreThreading(rawValue: caps.threading) else {
            throw errors.defect(.caps, "its threading is \(caps.threading), where 0 to 2 are expected")
        }
        guard threading <= table.threadingMax else {
            throw errors.defect(
                .caps,
                "its threading is \(threading), looser than the \(table.threadingMax) that the library declares as its most"
            )
        }
        guard (1...UInt32(ObjectKey.maxBytes)).contains(caps.max_key_bytes) else {
            throw errors.defect(
                .caps, "its max_key_bytes is \(caps.max_key_bytes), where 1 to \(ObjectKey.maxBytes) are expected")
        }
    }
}

/// A new instance and what it says of itself.
struct OpenedInstance: Sendable {
    let instance: PluginInstance
    let declaration: InstanceDeclaration

    /// Checks the options and makes the instance, on the library's control thread. If nobody waits for it any more, or
    /// its declaration is refused, it is destroyed again with the value.
    init(
        library: PluginLibrary, host: HostTable, config: PluginConfigNode, settings: StoreSettings,
        errors: ErrorMaker, context: CallContext
    ) throws(StoreError) {
        let result = config.withContractTree { tree in
            Self.create(library, host, tree, errors, context)
        }
        instance = try result.get()
        declaration = try InstanceDeclaration(
            of: instance.pointer, table: library.table, settings: settings, errors: errors)
    }

    private static func create(
        _ library: PluginLibrary, _ host: HostTable, _ tree: UnsafePointer<fp_node>, _ errors: ErrorMaker,
        _ context: CallContext
    ) -> Result<PluginInstance, StoreError> {
        do throws(StoreError) {
            if let validate = library.table.raw.validate {
                try errors.check(.validate, context) { validate(host.pointer, tree, $0) }
            }
            var created: OpaquePointer?
            try errors.check(.create, context) { library.table.slots.create(host.pointer, tree, $0, &created) }
            guard let created else { return .failure(errors.defect(.create, "it returned FP_OK and no instance")) }
            let pointer = PluginPointer(raw: created)
            return .success(PluginInstance(pointer: pointer, library: library, host: host, errors: errors))
        } catch {
            return .failure(error)
        }
    }
}
