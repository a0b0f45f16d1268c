import FPPluginAPI

/// Runs the body of a slot: checks that the call is still wanted, and turns what is thrown into the host's record.
func perform(
    _ call: UnsafePointer<fp_call>?, _ body: (borrowing Call) throws(PluginError) -> Void
) -> fp_status {
    guard let call else { return FP_E_INVALID }
    let context = Call(call)
    do throws(PluginError) {
        try context.check()
        try body(context)
        return FP_OK
    } catch {
        return error.report(to: context.errorRecord)
    }
}

/// A pointer that the host must give.
func required<Pointee>(_ pointer: UnsafePointer<Pointee>?, _ what: String) throws(PluginError) -> UnsafePointer<Pointee>
{
    guard let pointer else { throw PluginError(.invalid, "the host passed no \(what)") }
    return pointer
}

private func pluginType() throws(PluginError) -> any PluginStore.Type {
    guard let type = PluginEntry.type else {
        throw PluginError(.internalError, "the entry point has not been called")
    }
    return type
}

func slotLoad(_ host: UnsafePointer<fp_host>?, _ call: UnsafePointer<fp_call>?) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        try pluginType().load(Host(try required(host, "host")), call)
    }
}

func slotUnload() { PluginEntry.type?.unload() }

func slotDump(
    _ emit: (@convention(c) (UnsafeMutableRawPointer?, fp_str, fp_str) -> Void)?, _ context: UnsafeMutableRawPointer?
) {
    guard let emit, let type = PluginEntry.type else { return }
    for fact in type.facts() {
        withBorrowed(fact.key) { key in
            withBorrowed(fact.value) { value in emit(context, key, value) }
        }
    }
}

func slotValidate(
    _ host: UnsafePointer<fp_host>?, _ config: UnsafePointer<fp_node>?, _ call: UnsafePointer<fp_call>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        let config = ConfigNode(try required(config, "configuration"))
        try pluginType().validate(config, Host(try required(host, "host")), call)
    }
}

func slotCreate(
    _ host: UnsafePointer<fp_host>?, _ config: UnsafePointer<fp_node>?, _ call: UnsafePointer<fp_call>?,
    _ out: UnsafeMutablePointer<OpaquePointer?>?
) -> fp_status {
    out?.pointee = nil
    return perform(call) { (call) throws(PluginError) in
        guard let out else { throw PluginError(.invalid, "create: the host passed no place for the instance") }
        let type = try pluginType()
        let host = Host(try required(host, "host"))
        let store = try type.init(ConfigNode(try required(config, "configuration")), host, call)
        let handle = StoreHandle(store)
        let undue = store.capabilities.flags.subtracting(handle.offered)
        guard undue.isEmpty else {
            store.close()
            throw PluginError(
                .internalError,
                "\(type.plugin.name) sets capability bits 0x\(String(undue.rawValue, radix: 16)) without their slots")
        }
        out.pointee = Handle.make(handle)
    }
}

func slotDestroy(_ instance: OpaquePointer?) {
    Handle.take(instance, as: StoreHandle.self)?.store.close()
}

func slotCaps(_ instance: OpaquePointer?, _ out: UnsafeMutablePointer<fp_caps>?) -> fp_status {
    guard let out, let handle = try? Handle.object(instance, as: StoreHandle.self) else { return FP_E_INVALID }
    let capabilities = handle.store.capabilities
    withHostStruct(out) {
        capabilities.fill(&$0, offered: handle.offered, threadingMax: handle.threadingMax)
    }
    return FP_OK
}

func slotGetExtension(_ instance: OpaquePointer?, _ id: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let id else { return nil }
    return switch String(cString: id) {
    case FP_EXT_TRANSFER: PluginEntry.transferTable
    case FP_EXT_READ_FD: PluginEntry.readFDTable
    default: nil
    }
}
