import FPPluginAPI

/// An entry of a list, copied out of the callback.
package struct Entry: Equatable, Sendable {
    package let key: String
    /// Bytes; of an unfinished session, those that are durable.
    package let size: UInt64
    /// Nanoseconds of Unix time; of an unfinished session, its last activity.
    package let modified: Int64
    package let etag: String
    /// Resumes an unfinished session; empty for an object.
    package let token: [UInt8]
    package let isPending: Bool
}

/// A page of a list.
package struct Page: Sendable {
    package let entries: [Entry]
    /// Nil at the end of the list.
    package let cursor: [UInt8]?
}

/// What to list.
package struct ListRequest {
    /// Unfinished sessions, in place of objects.
    package var pending = false
    package var prefix: String?
    package var cursor: [UInt8]?
    package var startAfter: String?
    package var limit: UInt32 = 1000
    /// The callback stops the list after so many.
    package var stopAfter = Int.max
    package var flags: UInt32 = 0

    package init(
        pending: Bool = false, prefix: String? = nil, cursor: [UInt8]? = nil, startAfter: String? = nil,
        limit: UInt32 = 1000, stopAfter: Int = .max, flags: UInt32 = 0
    ) {
        self.pending = pending
        self.prefix = prefix
        self.cursor = cursor
        self.startAfter = startAfter
        self.limit = limit
        self.stopAfter = stopAfter
        self.flags = flags
    }
}

extension Store {
    /// One page of a list.
    package func page(_ wanted: ListRequest) throws -> Page {
        let name = wanted.pending ? "list_pending" : "list"
        let collector = Collector(left: wanted.stopAfter)
        let next = GuardedBuffer(Int(FP_CURSOR_MAX))
        var result = fp_list_res()
        result.cursor = next.buffer
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
                            let slot = wanted.pending ? slots.list_pending : slots.list
                            try current.perform(name) {
                                slot?(instance, $0, request, Collector.emit, context, result) ?? FP_E_UNSUPPORTED
                            }
                        }
                    }
                }
            }
        }
        try next.check(name)
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
    package func all(_ wanted: ListRequest, pages limit: Int = 10_000) throws -> [Entry] {
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
