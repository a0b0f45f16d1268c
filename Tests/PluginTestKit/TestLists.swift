import FPPluginAPI

/// An entry of a list, copied out of the callback.
package struct TestEntry: Equatable, Sendable {
    package let key: String
    package let size: UInt64
    package let modified: Int64
    package let etag: String
    package let token: [UInt8]
    package let isPending: Bool
}

/// A page of a list.
package struct TestPage: Sendable {
    package let entries: [TestEntry]
    /// Nil at the end of the list.
    package let cursor: [UInt8]?
}

extension TestStore {
    package func page(
        pending: Bool = false, prefix: String = "", cursor: [UInt8]? = nil, startAfter: String = "",
        limit: UInt32 = 1000, stopAfter: Int = .max
    ) throws(Failure) -> TestPage {
        final class Collector {
            var entries: [TestEntry] = []
            var left: Int
            init(_ left: Int) { self.left = left }
        }
        let collector = Collector(stopAfter)
        let emit: fp_entry_fn = { context, entry in
            guard let context, let entry = entry?.pointee else { return 1 }
            let collector = Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
            collector.entries.append(
                TestEntry(
                    key: entry.key.string, size: entry.size, modified: entry.mtime_ns, etag: entry.etag.string,
                    token: entry.token.array, isPending: entry.flags & FP_EF_PENDING != 0))
            collector.left -= 1
            return collector.left > 0 ? 0 : 1
        }
        let room = Room(Int(FP_CURSOR_MAX))
        var result = fp_list_res()
        result.struct_size = UInt32(MemoryLayout<fp_list_res>.size)
        result.cursor = room.buffer
        let context = Unmanaged.passUnretained(collector).toOpaque()
        try perform { call in
            lend(prefix) { prefix in
                lend(startAfter) { startAfter in
                    lend(cursor ?? []) { cursorText in
                        var request = fp_list_req()
                        request.struct_size = UInt32(MemoryLayout<fp_list_req>.size)
                        if prefix.len > 0 { request.prefix = prefix }
                        if startAfter.len > 0 { request.start_after = startAfter }
                        if cursor != nil { request.cursor = cursorText }
                        request.max_entries = limit
                        let table = library.table.pointee
                        let slot = pending ? table.list_pending : table.list
                        return slot?(instance, call, &request, emit, context, &result) ?? FP_E_UNSUPPORTED
                    }
                }
            }
        }
        precondition(room.isIntact, "the plugin wrote beyond the cursor's buffer")
        return TestPage(entries: collector.entries, cursor: result.more == 0 ? nil : result.cursor.array)
    }

    /// All pages.
    package func all(
        pending: Bool = false, prefix: String = "", startAfter: String = "", limit: UInt32 = 1000
    ) throws(Failure) -> [TestEntry] {
        var entries: [TestEntry] = []
        var cursor: [UInt8]?
        repeat {
            let page = try page(
                pending: pending, prefix: prefix, cursor: cursor, startAfter: startAfter, limit: limit)
            entries += page.entries
            cursor = page.cursor
        } while cursor != nil
        return entries
    }

    package func keys(prefix: String = "", limit: UInt32 = 1000) throws(Failure) -> [String] {
        try all(prefix: prefix, limit: limit).map(\.key)
    }
}
