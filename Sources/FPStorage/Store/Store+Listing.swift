import FPPluginAPI

extension Store {
    /// One page of the objects whose keys begin with `prefix`. Every object that is there throughout all pages comes at
    /// least once; some may come twice.
    /// - Parameter cursor: from an earlier page, in this process or another, at most a day old.
    /// - Throws: ``StoreError``; `.unsupported` if the store has not `.list`.
    public nonisolated(nonsending) func list(
        prefix: String = "", cursor: [UInt8]? = nil, limit: Int = 1000
    ) async throws(StoreError) -> ListPage {
        guard let list = library.table.raw.list else {
            throw errors.unsupported(.list, "the plugin \(library.name) does not list")
        }
        let page = try await page(.list, list, prefix: prefix, cursor: cursor, limit: limit) { entry in
            ObjectEntry(
                key: entry.key.string, size: entry.size,
                modifiedNanoseconds: entry.mtime_ns == FP_TIME_UNKNOWN ? nil : entry.mtime_ns,
                etag: entry.etag.len == 0 ? nil : entry.etag.string)
        }
        return ListPage(entries: page.entries, cursor: page.cursor)
    }

    /// One page of the write sessions that were begun and neither committed nor discarded.
    /// - Throws: ``StoreError``; `.unsupported` if the store has not `.listPending`.
    public nonisolated(nonsending) func listPending(
        cursor: [UInt8]? = nil, limit: Int = 1000
    ) async throws(StoreError) -> PendingPage {
        guard let list = library.table.raw.list_pending else {
            throw errors.unsupported(.listPending, "the plugin \(library.name) does not list sessions")
        }
        let page = try await page(.listPending, list, prefix: "", cursor: cursor, limit: limit) { entry in
            PendingEntry(
                key: entry.key.string, durableBytes: entry.size == FP_SIZE_UNKNOWN ? nil : entry.size,
                modifiedNanoseconds: entry.mtime_ns == FP_TIME_UNKNOWN ? nil : entry.mtime_ns, token: entry.token.bytes)
        }
        return PendingPage(entries: page.entries, cursor: page.cursor)
    }

    private typealias ListSlot =
        @convention(c) (
            OpaquePointer?, UnsafePointer<fp_call>?, UnsafePointer<fp_list_req>?, fp_entry_fn?,
            UnsafeMutableRawPointer?,
            UnsafeMutablePointer<fp_list_res>?
        ) -> fp_status

    private nonisolated(nonsending) func page<Entry: Sendable>(
        _ operation: StoreOperation, _ list: @escaping ListSlot, prefix: String, cursor: [UInt8]?, limit: Int,
        _ convert: @escaping @Sendable (fp_entry) -> Entry
    ) async throws(StoreError) -> (entries: [Entry], cursor: [UInt8]?) {
        guard limit >= 1 else { throw errors.misuse(operation, "the limit is \(limit), where at least 1 is expected") }
        if let cursor, cursor.count > Int(FP_CURSOR_MAX) {
            throw errors.misuse(operation, "the cursor has \(cursor.count) bytes, which no cursor of this store's has")
        }
        let limit = UInt32(clamping: min(limit, limits.listPageMax ?? limit))
        return try await runRepeatedly(operation, about: .none) { [instance, errors] context throws(StoreError) in
            let collector = EntryCollector(limit: Int(limit)) { $0.append(convert($1)) } as EntryCollector<Entry>
            var result = fp_list_res()
            result.struct_size = UInt32(MemoryLayout<fp_list_res>.size)
            result.cursor = context.scratch.wide(Int(FP_CURSOR_MAX))
            try prefix.withContractString { prefix throws(StoreError) in
                try (cursor ?? []).withContractString { cursor throws(StoreError) in
                    var request = fp_list_req()
                    request.struct_size = UInt32(MemoryLayout<fp_list_req>.size)
                    request.prefix = prefix
                    request.cursor = cursor
                    request.max_entries = limit
                    try errors.check(operation, context) { call in
                        list(
                            instance.pointer.raw, call, &request,
                            { box, entry in AnyEntryCollector.of(box)?.take(entry) ?? 1 },
                            Unmanaged.passUnretained(collector as AnyEntryCollector).toOpaque(), &result)
                    }
                }
            }
            if result.more == 0 { return (collector.entries, nil) }
            guard result.cursor.len > 0, !result.cursor.isOverfull else {
                throw errors.defect(operation, "there is more, but its cursor is empty or longer than its room")
            }
            return (collector.entries, result.cursor.bytes)
        }
    }
}

/// Collects the entries of a page. Not generic, since a C callback cannot be: it knows the collector by this class.
private class AnyEntryCollector {
    static func of(_ box: UnsafeMutableRawPointer?) -> AnyEntryCollector? {
        box.map { Unmanaged<AnyEntryCollector>.fromOpaque($0).takeUnretainedValue() }
    }

    /// - Returns: 0 to go on, 1 to stop.
    func take(_ entry: UnsafePointer<fp_entry>?) -> Int32 { 1 }
}

private final class EntryCollector<Entry>: AnyEntryCollector {
    private(set) var entries: [Entry] = []
    private let limit: Int
    private let add: (inout [Entry], fp_entry) -> Void

    init(limit: Int, add: @escaping (inout [Entry], fp_entry) -> Void) {
        self.limit = limit
        self.add = add
    }

    override func take(_ entry: UnsafePointer<fp_entry>?) -> Int32 {
        guard let entry else { return 0 }
        var copy = fp_entry()
        withUnsafeMutableBytes(of: &copy) { bytes in
            let count = min(bytes.count, Int(entry.pointee.struct_size))
            bytes.copyBytes(from: UnsafeRawBufferPointer(start: entry, count: count))
        }
        add(&entries, copy)
        // Stops a plugin that ignores the limit, which would fill the memory.
        return entries.count > limit ? 1 : 0
    }
}
