import FPPluginAPI

func slotList(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_list_req>?,
    _ emit: fp_entry_fn?, _ context: UnsafeMutableRawPointer?, _ result: UnsafeMutablePointer<fp_list_res>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        let handle = try Handle.object(instance, as: StoreHandle.self)
        guard let store = handle.listing else { throw PluginError(.unsupported, "this store does not list") }
        let request = try ListRequest(readHostStruct(try required(request, "request")), of: "list")
        if !request.startAfter.isEmpty, !store.capabilities.flags.contains(.listOrdered) {
            throw PluginError(.unsupported, "list: start_after needs an ordered list")
        }
        var page = Page(request, emit, context)
        let cursor = try store.list(request, call) { found in
            var entry = fp_entry()
            entry.size = found.size
            entry.mtime_ns = found.modifiedNanoseconds ?? FP_TIME_UNKNOWN
            return withBorrowed(found.etag) { etag in
                entry.etag = etag
                return page.hand(over: &entry, key: found.key)
            }
        }
        try page.finish(cursor, result)
    }
}

func slotListPending(
    _ instance: OpaquePointer?, _ call: UnsafePointer<fp_call>?, _ request: UnsafePointer<fp_list_req>?,
    _ emit: fp_entry_fn?, _ context: UnsafeMutableRawPointer?, _ result: UnsafeMutablePointer<fp_list_res>?
) -> fp_status {
    perform(call) { (call) throws(PluginError) in
        guard let store = try Handle.object(instance, as: StoreHandle.self).pendingListing else {
            throw PluginError(.unsupported, "this store does not list sessions")
        }
        let request = try ListRequest(readHostStruct(try required(request, "request")), of: "list_pending")
        guard request.startAfter.isEmpty else {
            throw PluginError(.unsupported, "list_pending: start_after is for lists of objects")
        }
        var page = Page(request, emit, context)
        let cursor = try store.listPending(request, call) { found in
            var entry = fp_entry()
            entry.flags = FP_EF_PENDING
            entry.size = found.durableBytes ?? FP_SIZE_UNKNOWN
            entry.mtime_ns = found.modifiedNanoseconds ?? FP_TIME_UNKNOWN
            return withBorrowed(found.token) { token in
                entry.token = token
                return page.hand(over: &entry, key: found.key)
            }
        }
        try page.finish(cursor, result)
    }
}

/// Hands entries to the host and counts them, so that no store can overrun a page.
private struct Page {
    private let emit: fp_entry_fn?
    private let context: UnsafeMutableRawPointer?
    private var left: Int

    init(_ request: ListRequest, _ emit: fp_entry_fn?, _ context: UnsafeMutableRawPointer?) {
        self.emit = emit
        self.context = context
        left = request.maxEntries
    }

    /// - Returns: false if the page is full or the host wants no more.
    mutating func hand(over entry: inout fp_entry, key: String) -> Bool {
        guard left > 0, let emit else { return false }
        left -= 1
        entry.struct_size = UInt32(MemoryLayout<fp_entry>.size)
        let wantsMore = withBorrowed(key) { key in
            entry.key = key
            return emit(context, &entry) == 0
        }
        return wantsMore && left > 0
    }

    func finish(_ cursor: [UInt8]?, _ result: UnsafeMutablePointer<fp_list_res>?) throws(PluginError) {
        guard let result else { return }
        var fits = true
        withHostStruct(result) {
            $0.more = cursor == nil ? 0 : 1
            fits = $0.cursor.fill(whole: cursor ?? [])
        }
        guard fits else { throw PluginError(.invalid, "list: the cursor does not fit in the host's buffer") }
    }
}
