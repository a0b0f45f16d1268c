import FPFormats
import FPPluginAPI

/// A plugin's table (`fp_plugin`), copied as far as it reaches and checked.
///
/// `@unchecked Sendable`: it is constant; its pointers are functions and texts that live as long as the process.
struct PluginTable: @unchecked Sendable {
    /// The required slots, known to be there.
    struct Slots {
        let create:
            @convention(c) (
                UnsafePointer<fp_host>?, UnsafePointer<fp_node>?, UnsafePointer<fp_call>?,
                UnsafeMutablePointer<OpaquePointer?>?
            ) -> fp_status
        let destroy: @convention(c) (OpaquePointer?) -> Void
        let caps: @convention(c) (OpaquePointer?, UnsafeMutablePointer<fp_caps>?) -> fp_status
        let health:
            @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, UInt32, UnsafeMutablePointer<fp_health>?) ->
                fp_status
        let stat:
            @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, fp_str, UInt32, UnsafeMutablePointer<fp_info>?) ->
                fp_status
        let readOpen:
            @convention(c) (
                OpaquePointer?, UnsafePointer<fp_call>?, UnsafePointer<fp_read_req>?,
                UnsafeMutablePointer<OpaquePointer?>?,
                UnsafeMutablePointer<fp_info>?
            ) -> fp_status
        let read:
            @convention(c) (
                OpaquePointer?, UnsafePointer<fp_call>?, UnsafeMutableRawPointer?, Int, UnsafeMutablePointer<Int>?
            ) -> fp_status
        let readClose: @convention(c) (OpaquePointer?) -> Void
        let writeBegin:
            @convention(c) (
                OpaquePointer?, UnsafePointer<fp_call>?, UnsafePointer<fp_write_req>?,
                UnsafeMutablePointer<OpaquePointer?>?,
                UnsafeMutablePointer<fp_write_state>?
            ) -> fp_status
        let write: @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, UInt64, UnsafeRawPointer?, Int) -> fp_status
        let writeCommit:
            @convention(c) (
                OpaquePointer?, UnsafePointer<fp_call>?, UnsafePointer<fp_commit_req>?, UnsafeMutablePointer<fp_info>?
            ) -> fp_status
        let writeAbort: @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?) -> fp_status
        let writeClose: @convention(c) (OpaquePointer?) -> Void
        let remove: @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, fp_str, UInt32) -> fp_status
    }

    /// The table; slots that the plugin does not have are `nil`.
    let raw: fp_plugin
    let slots: Slots
    let name: String
    let version: String
    let threadingMax: StoreThreading
    let options: [OptionSchema]

    /// Reads and checks what the entry point returned.
    /// - Throws: ``PluginLoadError``, one sentence for each thing that can be wrong.
    init(_ pointer: UnsafePointer<fp_plugin>, path: String, expectedName: String) throws(PluginLoadError) {
        let check = TableCheck(path: path)
        let head = UnsafeRawPointer(pointer).loadUnaligned(as: fp_head.self)
        try check.head(head)
        var table = fp_plugin()
        withUnsafeMutableBytes(of: &table) { bytes in
            let count = min(bytes.count, Int(head.struct_size))
            bytes.copyBytes(from: UnsafeRawBufferPointer(start: pointer, count: count))
        }
        raw = table
        slots = try check.slots(table)
        name = try check.name(table, expected: expectedName)
        version = try check.version(table)
        threadingMax = try check.threading(table)
        options = try check.options(table)
    }

    /// Which optional slots the plugin has, by name.
    var optionalSlots: [(name: String, present: Bool)] {
        [
            ("load", raw.load != nil), ("unload", raw.unload != nil), ("dump", raw.dump != nil),
            ("validate", raw.validate != nil), ("write_resume", raw.write_resume != nil),
            ("write_sync", raw.write_sync != nil), ("write_discard", raw.write_discard != nil),
            ("copy", raw.copy != nil), ("list", raw.list != nil), ("list_pending", raw.list_pending != nil),
            ("presign", raw.presign != nil), ("get_extension", raw.get_extension != nil),
        ]
    }

    /// The slots that a set of capabilities needs and the plugin does not have, each with the capability.
    func missingSlots(for capabilities: StoreCapabilities) -> [(capability: String, slot: String)] {
        let needs: [(StoreCapabilities, String, String, Bool)] = [
            (.resumable, "FP_CAP_RESUMABLE", "write_resume", raw.write_resume != nil),
            (.resumable, "FP_CAP_RESUMABLE", "write_sync", raw.write_sync != nil),
            (.resumable, "FP_CAP_RESUMABLE", "write_discard", raw.write_discard != nil),
            (.rewind, "FP_CAP_REWIND", "write_resume", raw.write_resume != nil),
            (.list, "FP_CAP_LIST", "list", raw.list != nil),
            (.listPending, "FP_CAP_LIST_PENDING", "list_pending", raw.list_pending != nil),
            (.copy, "FP_CAP_COPY", "copy", raw.copy != nil),
            (.move, "FP_CAP_MOVE", "copy", raw.copy != nil),
            (.presign, "FP_CAP_PRESIGN", "presign", raw.presign != nil),
        ]
        return needs.filter { capabilities.contains($0.0) && !$0.3 }.map { ($0.1, $0.2) }
    }
}

/// The checks of a table, in the order in which they make sense.
private struct TableCheck {
    let path: String

    private func refuse(_ reason: PluginLoadError.Reason, _ message: String) -> PluginLoadError {
        PluginLoadError(reason, plugin: path, message: message)
    }

    func head(_ head: fp_head) throws(PluginLoadError) {
        guard head.magic == FP_MAGIC else {
            throw refuse(
                .wrongMagic,
                "its table begins with \(hex(head.magic)), where FP_MAGIC, \(hex(FP_MAGIC)), is expected. It does not follow "
                    + "fp_plugin.h: build it against this host's header.")
        }
        guard head.abi_major == FP_ABI_MAJOR else {
            let newer = head.abi_major > FP_ABI_MAJOR
            throw refuse(
                newer ? .newerHostNeeded : .olderHostNeeded,
                "it is built for ABI \(head.abi_major).\(head.abi_minor), where this host speaks \(ownVersion). Install "
                    + (newer ? "a newer host, or an older release of the plugin." : "a newer release of the plugin."))
        }
        guard head.min_host_minor <= FP_ABI_MINOR else {
            throw refuse(
                .newerHostNeeded,
                "it needs a host with ABI \(head.abi_major).\(head.min_host_minor) or later, where this host speaks "
                    + "\(ownVersion). Install a newer host, or an older release of the plugin.")
        }
        guard head.struct_size >= UInt32(MemoryLayout<fp_head>.size), head.struct_size <= 1 << 20 else {
            throw refuse(
                .truncatedTable,
                "its table says that it has \(head.struct_size) bytes, where \(MemoryLayout<fp_plugin>.size) are expected. "
                    + "Initialize it with FP_HEAD_INIT.")
        }
        let needed = Self.offset(\fp_plugin.remove) + MemoryLayout<UnsafeRawPointer>.size
        guard Int(head.struct_size) >= needed else {
            throw refuse(
                .truncatedTable,
                "its table has \(head.struct_size) bytes, where the required slots need \(needed). Initialize it with "
                    + "FP_HEAD_INIT.")
        }
    }

    func slots(_ table: fp_plugin) throws(PluginLoadError) -> PluginTable.Slots {
        PluginTable.Slots(
            create: try require(table.create, "create"), destroy: try require(table.destroy, "destroy"),
            caps: try require(table.caps, "caps"), health: try require(table.health, "health"),
            stat: try require(table.stat, "stat"), readOpen: try require(table.read_open, "read_open"),
            read: try require(table.read, "read"), readClose: try require(table.read_close, "read_close"),
            writeBegin: try require(table.write_begin, "write_begin"), write: try require(table.write, "write"),
            writeCommit: try require(table.write_commit, "write_commit"),
            writeAbort: try require(table.write_abort, "write_abort"),
            writeClose: try require(table.write_close, "write_close"), remove: try require(table.remove, "remove"))
    }

    private func require<Slot>(_ slot: Slot?, _ name: String) throws(PluginLoadError) -> Slot {
        guard let slot else {
            throw refuse(
                .missingSlot,
                "its slot \"\(name)\" is NULL, where a function is required. The plugin must implement it.")
        }
        return slot
    }

    func name(_ table: fp_plugin, expected: String) throws(PluginLoadError) -> String {
        guard let pointer = table.name else {
            throw refuse(.missingSlot, "its field \"name\" is NULL, where the plugin's name is required.")
        }
        let name = String(cString: pointer)
        guard PluginName.isValid(name) else {
            throw refuse(
                .wrongName,
                "it calls itself \"\(name.prefix(64).description.singleLine)\", where letters, digits, '_' and '-' with a "
                    + "letter first are expected.")
        }
        guard name == expected else {
            throw refuse(
                .wrongName,
                "it calls itself \"\(name)\", where its file's name, \"\(expected)\", is expected. Rename the file to "
                    + "\(PluginName.fileName(of: name)), or the plugin.")
        }
        return name
    }

    func version(_ table: fp_plugin) throws(PluginLoadError) -> String {
        guard let pointer = table.version else {
            throw refuse(.missingSlot, "its field \"version\" is NULL, where the plugin's version is required.")
        }
        let version = String(cString: pointer)
        guard !version.isEmpty else {
            throw refuse(.badTable, "its version is empty, where a semantic version, as 1.0.0, is expected.")
        }
        return version.singleLine
    }

    func threading(_ table: fp_plugin) throws(PluginLoadError) -> StoreThreading {
        guard let threading = StoreThreading(rawValue: table.threading_max) else {
            throw refuse(
                .badTable,
                "its threading_max is \(table.threading_max), where FP_THREADS_SERIAL_LIBRARY (0) to FP_THREADS_PARALLEL (2) "
                    + "are expected.")
        }
        return threading
    }

    func options(_ table: fp_plugin) throws(PluginLoadError) -> [OptionSchema] {
        if table.n_options == 0 { return [] }
        guard let first = table.options, table.n_options <= 1000 else {
            let found = table.options == nil ? "options is NULL" : "at most 1000 are expected"
            throw refuse(.badOptions, "it has \(table.n_options) options, but \(found).")
        }
        let stride = Int(table.option_size)
        guard stride >= MemoryLayout<fp_option>.size, stride % MemoryLayout<fp_option>.alignment == 0 else {
            throw refuse(
                .badOptions,
                "its option_size is \(stride), where sizeof(fp_option), \(MemoryLayout<fp_option>.size), is expected.")
        }
        var options: [OptionSchema] = []
        for index in 0..<Int(table.n_options) {
            let row = UnsafeRawPointer(first).load(fromByteOffset: index * stride, as: fp_option.self)
            let option = OptionSchema(row)
            if let defect = option.defect(knowsAllTypes: table.head.abi_minor <= FP_ABI_MINOR) {
                throw refuse(.badOptions, "its option \"\(option.key)\" \(defect).")
            }
            for other in options {
                if let conflict = option.conflict(with: other) { throw refuse(.badOptions, "\(conflict).") }
            }
            options.append(option)
        }
        return options
    }

    private static func offset(_ field: PartialKeyPath<fp_plugin>) -> Int {
        MemoryLayout<fp_plugin>.offset(of: field) ?? MemoryLayout<fp_plugin>.size
    }

    private var ownVersion: String { "\(FP_ABI_MAJOR).\(FP_ABI_MINOR)" }

    private func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}

extension OptionSchema {
    /// Reads a row of a plugin's table.
    fileprivate init(_ row: fp_option) {
        self.init(
            row.key.map { String(cString: $0) } ?? "", ValueType(number: row.type), Flags(rawValue: row.flags),
            default: row.default_text.map { String(cString: $0) },
            choices: row.choices.map { Self.choices(in: String(cString: $0)) } ?? [], min: row.min, max: row.max,
            help: row.help.map { String(cString: $0) } ?? "")
    }
}
