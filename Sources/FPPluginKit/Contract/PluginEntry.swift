import FPPluginAPI
import Glibc
import Synchronization

/// The entry point's body.
public enum PluginEntry {
    /// The contract's table for a type of store: made at the first call, then always the same.
    ///
    /// No side effect, no thread, no input or output. A library holds one plugin: a second type gets nil.
    /// - Returns: nil to refuse the host, or a type that breaks the contract's rules for names.
    public static func table(
        of type: any PluginStore.Type, for host: UnsafePointer<fp_host>?
    ) -> UnsafePointer<fp_plugin>? {
        guard let host, readHostStruct(host).abi_major == FP_ABI_MAJOR else { return nil }
        return registered.withLock { current -> Registration? in
            if let current { return current.type == type ? current : nil }
            guard isName(type.plugin.name) else { return nil }
            let made = Registration(
                type: type, table: makeTable(of: type), transfer: makeTransferTable(), readFD: makeReadFDTable())
            current = made
            return made
        }?.table
    }

    /// The plugin of this library, for slots that the host calls without a store.
    static var type: (any PluginStore.Type)? { registered.withLock { $0?.type } }

    static var transferTable: UnsafeRawPointer? {
        registered.withLock { current in
            guard let current, Offer(current.type).transfers else { return nil }
            return UnsafeRawPointer(current.transfer)
        }
    }

    static var readFDTable: UnsafeRawPointer? {
        registered.withLock { current in
            guard let current, Offer(current.type).readsFiles else { return nil }
            return UnsafeRawPointer(current.readFD)
        }
    }

    // Sendable by hand: the tables are written before they are put here and never again.
    private struct Registration: @unchecked Sendable {
        let type: any PluginStore.Type
        let table: UnsafePointer<fp_plugin>
        let transfer: UnsafePointer<fp_ext_transfer>
        let readFD: UnsafePointer<fp_ext_read_fd>
    }

    // C function pointers cannot carry a type, so the slots that have no instance find it here.
    private static let registered = Mutex<Registration?>(nil)

    private static func isName(_ name: String) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
        func isOther(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
        guard let first = name.utf8.first, isLetter(first) else { return false }
        return name.utf8.allSatisfy { isLetter($0) || isOther($0) }
    }

    private static func makeTransferTable() -> UnsafePointer<fp_ext_transfer> {
        let table = UnsafeMutablePointer<fp_ext_transfer>.allocate(capacity: 1)
        table.initialize(
            to: fp_ext_transfer(
                struct_size: UInt32(MemoryLayout<fp_ext_transfer>.size), reserved: 0, transfer: slotTransfer))
        return UnsafePointer(table)
    }

    private static func makeReadFDTable() -> UnsafePointer<fp_ext_read_fd> {
        let table = UnsafeMutablePointer<fp_ext_read_fd>.allocate(capacity: 1)
        table.initialize(
            to: fp_ext_read_fd(
                struct_size: UInt32(MemoryLayout<fp_ext_read_fd>.size), reserved: 0, read_fd: slotReadFD))
        return UnsafePointer(table)
    }

    private static func makeTable(of type: any PluginStore.Type) -> UnsafePointer<fp_plugin> {
        let plugin = type.plugin
        let offer = Offer(type)
        let options = makeOptions(plugin.options)

        var table = fp_plugin()
        table.head = fp_head(
            magic: FP_MAGIC, struct_size: UInt32(MemoryLayout<fp_plugin>.size), abi_major: FP_ABI_MAJOR,
            abi_minor: FP_ABI_MINOR, min_host_minor: 0, reserved: 0)
        table.name = permanent(plugin.name)
        table.version = permanent(plugin.version)
        table.vendor = permanent(plugin.vendor)
        table.license = permanent(plugin.license)
        table.url = permanent(plugin.url)
        table.description = permanent(plugin.summary)
        table.threading_max = plugin.threading.rawValue
        table.n_options = UInt32(plugin.options.count)
        table.options = options
        table.option_size = UInt32(MemoryLayout<fp_option>.stride)

        table.load = slotLoad
        table.unload = slotUnload
        table.dump = slotDump
        table.validate = slotValidate
        table.create = slotCreate
        table.destroy = slotDestroy
        table.caps = slotCaps
        table.health = slotHealth
        table.stat = slotStat
        table.read_open = slotReadOpen
        table.read = slotRead
        table.read_close = slotReadClose
        table.write_begin = slotWriteBegin
        table.write = slotWrite
        table.write_commit = slotWriteCommit
        table.write_abort = slotWriteAbort
        table.write_close = slotWriteClose
        table.remove = slotRemove
        table.get_extension = slotGetExtension
        if offer.resumes {
            table.write_resume = slotWriteResume
            table.write_sync = slotWriteSync
            table.write_discard = slotWriteDiscard
        }
        if offer.copies { table.copy = slotCopy }
        if offer.lists { table.list = slotList }
        if offer.listsPending { table.list_pending = slotListPending }
        if offer.presigns { table.presign = slotPresign }

        let place = UnsafeMutablePointer<fp_plugin>.allocate(capacity: 1)
        place.initialize(to: table)
        return UnsafePointer(place)
    }

    private static func makeOptions(_ declarations: [OptionDeclaration]) -> UnsafePointer<fp_option>? {
        guard !declarations.isEmpty else { return nil }
        let options = UnsafeMutablePointer<fp_option>.allocate(capacity: declarations.count)
        for (index, declared) in declarations.enumerated() {
            (options + index).initialize(
                to: fp_option(
                    key: permanent(declared.key), type: declared.type, flags: declared.flags,
                    default_text: declared.defaultText.flatMap(permanent),
                    choices: declared.choices.flatMap(permanent),
                    min: declared.bounds?.lowerBound ?? 0, max: declared.bounds?.upperBound ?? 0,
                    help: permanent(declared.help)))
        }
        return UnsafePointer(options)
    }

    /// The table lives as long as the process, and so do its texts.
    private static func permanent(_ text: String) -> UnsafePointer<CChar>? { UnsafePointer(strdup(text)) }
}
