import FPContractDriver
import FPPluginAPI

/// Lists of objects.
enum ListCases {
    static let all: [Case] = [
        list("empty", "a prefix that no key has is an empty list") { bench in
            try bench.check(bench.store.all(ListRequest(prefix: bench.key("none"))).isEmpty, "there are entries")
        },
        list("one", "a single object is listed, with its whole key and its size") { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(123))
            let found = try keys(bench, bench.key(""))
            try bench.check(found == [key], "list shows \(found)")
            let entry = try bench.store.all(ListRequest(prefix: key))
            try bench.check(
                entry.first?.size == 123, "the entry has \(entry.first?.size ?? 0) bytes, where 123 are due")
            try bench.check(entry.first?.isPending == false, "the entry of an object is marked FP_EF_PENDING")
        },
        list("as-stat", "an entry says what stat says") { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(77))
            let info = try bench.store.stat(key)
            guard let entry = try bench.store.all(ListRequest(prefix: key)).first else {
                throw Broken("list shows nothing")
            }
            try bench.check(entry.size == info.size, "list gives \(entry.size) bytes, stat \(info.size)")
            if !entry.etag.isEmpty, !info.etag.isEmpty {
                try bench.check(entry.etag == info.etag, "list gives the etag \(entry.etag), stat \(info.etag)")
            }
        },
        list("pages", "pages of any size add up to the whole") { bench in
            let all = try put(23, bench)
            for limit in [1, 2, 7, 22, 23, 24, 1000] as [UInt32] {
                let found = try bench.store.all(ListRequest(prefix: bench.key(""), limit: limit)).map(\.key)
                try bench.check(
                    Set(found) == Set(all), "in pages of \(limit), list shows \(Set(found).count) of 23 keys")
            }
        },
        list("many", "more than a thousand objects are all listed") { bench in
            let all = (0..<1100).map { bench.key("d\($0 / 100)/\($0)") }
            let lanes = try bench.caps.threading == FP_THREADS_PARALLEL ? 6 : 1
            try HostThreads.run(lanes) { lane in
                for index in stride(from: lane, to: all.count, by: lanes) { try bench.put(all[index], [1]) }
            }
            let found = try keys(bench, bench.key(""))
            try bench.check(Set(found) == Set(all), "list shows \(Set(found).count) of 1100 keys")
            try HostThreads.run(lanes) { lane in
                for index in stride(from: lane, to: all.count, by: lanes) { try bench.store.remove(all[index]) }
            }
        },
        list("other-process", "a cursor is good in another process") { bench in
            let all = try put(9, bench)
            let first = try bench.store.page(ListRequest(prefix: bench.key(""), limit: 4))
            guard let cursor = first.cursor else { throw Broken("there is no cursor after 4 of 9 entries") }
            let peer = try bench.peer()
            var found = first.entries.map(\.key)
            var next = cursor
            for _ in 0..<20 where !next.isEmpty {
                let answer = try peer.run(.keys(prefix: bench.key(""), cursor: next, limit: 4))
                found += answer.keys
                next = answer.token
            }
            try bench.check(Set(found) == Set(all), "both processes together list \(Set(found).count) of 9 keys")
        },
        list("prefix-inside", "a prefix may end anywhere, not only at a slash") { bench in
            for name in ["apple", "apricot", "ap/x", "banana"] { try bench.put(bench.key(name), [1]) }
            for (prefix, names) in [
                ("ap", ["apple", "apricot", "ap/x"]), ("app", ["apple"]), ("ap/", ["ap/x"]), ("b", ["banana"]),
            ] {
                let found = try Set(keys(bench, bench.key(prefix)))
                try bench.check(found == Set(names.map { bench.key($0) }), "for \"\(prefix)\" list shows \(found)")
            }
        },
        list("prefix-whole-key", "a whole key as prefix finds the key and what begins with it") { bench in
            for name in ["a", "ab", "b"] { try bench.put(bench.key(name), [1]) }
            let found = try Set(keys(bench, bench.key("a")))
            try bench.check(found == [bench.key("a"), bench.key("ab")], "list shows \(found)")
        },
        list("deep", "objects at any depth are listed") { bench in
            let all = ["a", "b/c", "b/d/e", "f/g/h/i/j"].map { bench.key($0) }
            for key in all { try bench.put(key, [1]) }
            let found = try Set(keys(bench, bench.key("")))
            try bench.check(found == Set(all), "list shows \(found): directories are not objects")
        },
        list("stop", "a callback that has enough ends the page, and the cursor goes on behind it") { bench in
            let all = try put(7, bench)
            let first = try bench.store.page(ListRequest(prefix: bench.key(""), stopAfter: 3))
            try bench.check(
                first.entries.count == 3, "the callback was called \(first.entries.count) times, where 3 were due")
            guard let cursor = first.cursor else {
                throw Broken("there is no cursor after 3 of 7 entries", .slot("fp_entry_fn"))
            }
            let rest = try bench.store.all(ListRequest(prefix: bench.key(""), cursor: cursor))
            let found = Set((first.entries + rest).map(\.key))
            try bench.check(found == Set(all), "together they list \(found.count) of 7 keys")
        },
        list("page-max", "a page is no longer than max_entries and list_page_max") { bench in
            _ = try put(12, bench)
            let most = Int(try bench.caps.list_page_max)
            for limit in [1, 5] as [UInt32] {
                let page = try bench.store.page(ListRequest(prefix: bench.key(""), limit: limit))
                try bench.check(
                    most == 0 || page.entries.count <= most,
                    "\(page.entries.count) entries, where list_page_max is \(most)")
            }
        },
        list("removed-meanwhile", "objects that stay are listed although others go meanwhile") { bench in
            let all = try put(20, bench)
            let first = try bench.store.page(ListRequest(prefix: bench.key(""), limit: 6))
            for (index, key) in all.enumerated() where index % 2 == 1 { try bench.store.remove(key) }
            let rest =
                try first.cursor.map { try bench.store.all(ListRequest(prefix: bench.key(""), cursor: $0, limit: 3)) }
                ?? []
            let found = Set((first.entries + rest).map(\.key))
            for (index, key) in all.enumerated() where index % 2 == 0 {
                try bench.check(found.contains(key), "\(key) was there all the time and is not listed")
            }
        },
        list("added-meanwhile", "objects that stay are listed although others come meanwhile") { bench in
            let all = try put(12, bench)
            let first = try bench.store.page(ListRequest(prefix: bench.key(""), limit: 4))
            for index in 0..<12 { try bench.put(bench.key("0\(index)-new"), [2]) }
            let rest =
                try first.cursor.map { try bench.store.all(ListRequest(prefix: bench.key(""), cursor: $0, limit: 3)) }
                ?? []
            let found = Set((first.entries + rest).map(\.key))
            for key in all { try bench.check(found.contains(key), "\(key) was there all the time and is not listed") }
        },
        list("removed", "a removed object is not listed") { bench in
            let all = try put(3, bench)
            try bench.store.remove(all[1])
            try bench.settle { try keys(bench, bench.key("")).count == 2 }
            let found = try Set(keys(bench, bench.key("")))
            try bench.check(found == [all[0], all[2]], "list shows \(found)")
        },
        list("pending", "what is being written is not listed") { bench in
            let writer = try bench.store.begin(bench.key())
            try writer.write([1])
            try bench.check(keys(bench, bench.key("")).isEmpty, "list shows an object before write_commit", .rule(7))
            writer.close()
        },
        list("private", "what the plugin keeps under \".fp\" is not listed") { bench in
            if try bench.has(FP_CAP_RESUMABLE) {
                let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
                try writer.write([1])
                writer.close()
            }
            _ = try bench.store.health(flags: FP_HEALTHF_DEEP)
            for prefix in [".", ".f", ".fp", ".fp/"] {
                let page = try bench.store.page(ListRequest(prefix: prefix, limit: 50))
                let own = page.entries.filter { $0.key == ".fp" || $0.key.hasPrefix(".fp/") }
                try bench.check(own.isEmpty, "list shows \(own.first?.key ?? "")")
            }
        },
        list("whole-store", "an absent prefix lists everything") { bench in
            let key = bench.key()
            try bench.put(key, [1])
            let isThere = try bench.store.all(ListRequest()).contains { $0.key == key }
            try bench.check(isThere, "it does not list the object")
        },
        list("cursor-damaged", "a damaged cursor is refused or taken, and never crashes") { bench in
            _ = try put(5, bench)
            for cursor in [[0], Array("rubbish".utf8), [UInt8](repeating: 0xFF, count: 500)] as [[UInt8]] {
                do {
                    _ = try bench.store.page(ListRequest(prefix: bench.key(""), cursor: cursor))
                } catch let failure as Failure {
                    try bench.check(failure.status / 100 == 1, "\(failure), where a status of class 1 was due")
                }
            }
        },
        ordered("order", "keys come in byte order") { bench in
            let names = ["b", "a/b", "a-b", "a0", "ä", "B", "a.b", "z/1", "a/0"]
            for name in names { try bench.put(bench.key(name), [1]) }
            let due = names.map { Array(bench.key($0).utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
            for limit in [2, 100] as [UInt32] {
                let found = try bench.store.all(ListRequest(prefix: bench.key(""), limit: limit)).map {
                    Array($0.key.utf8)
                }
                try bench.check(
                    found == due,
                    "in pages of \(limit), list shows \(found.map { String(decoding: $0, as: UTF8.self) })")
            }
        },
        ordered("start-after", "start_after skips every key up to it, whether it exists or not") { bench in
            let all = try put(9, bench)
            for (start, rest) in [(all[3], 4), (all[3] + "x", 4), (all[8], 9), (bench.key("0"), 0)] {
                let found = try bench.store.all(ListRequest(prefix: bench.key(""), startAfter: start, limit: 4)).map(
                    \.key)
                try bench.check(found == Array(all[rest...]), "after \(start) list shows \(found)")
            }
        },
    ]

    private static func list(_ name: String, _ promise: String, _ run: @escaping @Sendable (Bench) throws -> Void)
        -> Case
    {
        Case("list.\(name)", promise, .slot("list"), needs: [.caps(FP_CAP_LIST)], run)
    }

    private static func ordered(_ name: String, _ promise: String, _ run: @escaping @Sendable (Bench) throws -> Void)
        -> Case
    {
        Case(
            "list.\(name)", promise, .slot("FP_CAP_LIST_ORDERED"), needs: [.caps(FP_CAP_LIST | FP_CAP_LIST_ORDERED)],
            run)
    }

    private static func keys(_ bench: Bench, _ prefix: String) throws -> [String] {
        try bench.store.all(ListRequest(prefix: prefix)).map(\.key)
    }

    /// Objects whose keys are in order.
    private static func put(_ count: Int, _ bench: Bench) throws -> [String] {
        let keys = (0..<count).map { bench.key("k\($0 + 100)") }
        for key in keys { try bench.put(key, [1]) }
        return keys
    }
}
