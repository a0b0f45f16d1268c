import FPPluginAPI

/// An entry of a list, copied out of the callback.
struct Entry: Equatable {
    let key: String
    let size: UInt64
    let modified: Int64
    let etag: String
    let token: [UInt8]
    let isPending: Bool
}

/// A page of a list.
struct Page {
    let entries: [Entry]
    /// Nil at the end of the list.
    let cursor: [UInt8]?
}

/// What to list.
struct ListRequest {
    var pending = false
    var prefix: String?
    var cursor: [UInt8]?
    var startAfter: String?
    var limit: UInt32 = 1000
    /// The callback stops the list after so many.
    var stopAfter = Int.max
    var flags: UInt32 = 0
}

extension Store {
    func page(_ wanted: ListRequest) throws -> Page {
        let name = wanted.pending ? "list_pending" : "list"
        let collector = Collector(left: wanted.stopAfter)
        let room = Room(Int(FP_CURSOR_MAX))
        var result = fp_list_res()
        result.cursor = room.buffer
        let (_, filled) = try shape.lendOutput(result, of: name, buffers: [\.cursor]) { result in
            try lend(optional: wanted.prefix) { prefix in
                try lend(optional: wanted.startAfter) { startAfter in
                    try lend(wanted.cursor ?? []) { cursor in
                        var request = fp_list_req()
                        request.flags = wanted.flags
                        request.prefix = prefix
                        request.start_after = startAfter
                        if wanted.cursor != nil { request.cursor = cursor }
                        request.max_entries = wanted.limit
                        try shape.lend(request) { request in
                            let context = Unmanaged.passUnretained(collector).toOpaque()
                            let slot = wanted.pending ? table.list_pending : table.list
                            try invocation.perform(name) {
                                slot?(instance, $0, request, Collector.emit, context, result) ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        try room.check(name)
        if collector.wasCalledAfterStop {
            throw Broken("\(name) went on after its callback had told it to stop", .slot("fp_entry_fn"))
        }
        guard collector.entries.count <= Int(wanted.limit) else {
            throw Broken(
                "\(name) gave \(collector.entries.count) entries where max_entries was \(wanted.limit)", .slot(name))
        }
        if filled.more != 0, filled.cursor.len == 0 {
            throw Broken("\(name) says that there is more, and gives no cursor", .slot("fp_list_res"))
        }
        return Page(entries: collector.entries, cursor: filled.more == 0 ? nil : filled.cursor.array)
    }

    /// All pages. A list that never ends is cut off.
    func all(_ wanted: ListRequest, pages limit: Int = 10_000) throws -> [Entry] {
        var request = wanted
        var entries: [Entry] = []
        for _ in 0..<limit {
            let page = try page(request)
            entries += page.entries
            guard let cursor = page.cursor else { return entries }
            if cursor == request.cursor, page.entries.isEmpty { break }
            request.cursor = cursor
        }
        throw Broken(
            "\(wanted.pending ? "list_pending" : "list") says again and again that there is more", .slot("fp_list_res"))
    }

    private final class Collector {
        var entries: [Entry] = []
        var left: Int
        var wasCalledAfterStop = false

        init(left: Int) { self.left = left }

        static let emit: fp_entry_fn = { context, entry in
            guard let context, let entry = entry?.pointee else { return 1 }
            let collector = Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
            if collector.left <= 0 { collector.wasCalledAfterStop = true }
            collector.entries.append(
                Entry(
                    key: entry.key.string, size: entry.size, modified: entry.mtime_ns, etag: entry.etag.string,
                    token: entry.token.array, isPending: entry.flags & FP_EF_PENDING != 0))
            collector.left -= 1
            return collector.left > 0 ? 0 : 1
        }
    }
}
