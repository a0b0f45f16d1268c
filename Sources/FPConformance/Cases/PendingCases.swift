import FPContractDriver
import FPPluginAPI

/// Lists of unfinished sessions.
enum PendingCases {
    static let all: [Case] = [
        pending("shown", "an unfinished session is shown, with a token that names it") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(500))
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            let entry = try only(bench, key)
            try bench.check(entry.isPending, "the entry is not marked FP_EF_PENDING")
            try bench.check(!entry.token.isEmpty, "the entry has no token")
            try bench.check(
                entry.size == FP_SIZE_UNKNOWN || entry.size <= 500, "the entry has \(entry.size) of 500 bytes")
            try ResumeCases.finish(entry.token, key, bench, durable: 0, accepted: 500)
        },
        pending("open", "a session with a live writer is shown") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            _ = try only(bench, key)
            writer.close()
        },
        pending("discard", "a session can be discarded by its entry's token") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write([1])
            writer.close()
            try bench.store.discard(only(bench, key).token)
            try bench.check(gone: writer.firstToken, "after write_discard by the entry's token")
            try bench.check(list(bench, key).isEmpty, "list_pending still shows the session")
        },
        pending("committed", "a committed session is not shown") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write([1])
            try writer.commit()
            writer.close()
            try bench.check(list(bench, key).isEmpty, "list_pending shows a committed session")
        },
        pending("aborted", "an aborted session is not shown") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write([1])
            try writer.abort()
            writer.close()
            try bench.check(list(bench, key).isEmpty, "list_pending shows an aborted session")
        },
        pending("lost-begin", "a session whose begin was the last thing before a crash is shown") { bench in
            let key = bench.key()
            let peer = try bench.peer()
            try peer.run(.begin(key: key, flags: FP_W_RESUMABLE))
            peer.kill()
            let entry = try only(bench, key)
            try bench.reopen(entry.token).close()
            try bench.store.discard(entry.token)
        },
        pending("prefix", "only sessions under the prefix are shown") { bench in
            let writers = try ["a1", "a2", "b1"].map { try bench.store.begin(bench.key($0), flags: FP_W_RESUMABLE) }
            let found = try Set(list(bench, bench.key("a")).map(\.key))
            try bench.check(found == [bench.key("a1"), bench.key("a2")], "list_pending shows \(found)")
            for writer in writers { writer.close() }
        },
        pending("pages", "pages of any size add up to the whole") { bench in
            let writers = try (0..<7).map { try bench.store.begin(bench.key("k\($0)"), flags: FP_W_RESUMABLE) }
            for writer in writers { writer.close() }
            for limit in [1, 3, 7, 100] as [UInt32] {
                let found = try bench.store.all(ListRequest(pending: true, prefix: bench.key(""), limit: limit))
                try bench.check(
                    Set(found.map(\.key)).count == 7,
                    "in pages of \(limit) it shows \(Set(found.map(\.key)).count) of 7")
            }
        },
        pending("objects", "objects are not shown") { bench in
            try bench.put(bench.key(), [1])
            try bench.check(list(bench, bench.key()).isEmpty, "list_pending shows an object")
        },
        pending("one-shot", "one-shot writes leave nothing to be shown") { bench in
            let writer = try bench.store.begin(bench.key())
            try writer.write([1])
            writer.close()
            try bench.check(list(bench, bench.key()).isEmpty, "list_pending shows a one-shot write that was closed")
        },
    ]

    private static func pending(_ name: String, _ promise: String, _ run: @escaping @Sendable (Bench) throws -> Void)
        -> Case
    {
        Case(
            "pending.\(name)", promise, .slot("list_pending"), needs: [.caps(FP_CAP_RESUMABLE | FP_CAP_LIST_PENDING)],
            run)
    }

    private static func list(_ bench: Bench, _ prefix: String) throws -> [Entry] {
        try bench.store.all(ListRequest(pending: true, prefix: prefix))
    }

    private static func only(_ bench: Bench, _ key: String) throws -> Entry {
        let found = try list(bench, key)
        guard found.count == 1, let entry = found.first, entry.key == key else {
            throw Broken("list_pending shows \(found.map(\.key)), where \(key) was due")
        }
        return entry
    }
}
