import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: lists")
struct ListTests {
    private func sorted(_ keys: some Sequence<String>) -> [String] {
        keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    @Test("Lists are in byte order, for every size of page and every prefix")
    func order() throws {
        var random = SeededGenerator("order")
        let fixture = try Fixture()
        let segments = ["a", "a-b", "a.b", "ab", "b", "é", "写", "a b", "0"]
        var keys: Set<String> = []
        while keys.count < 60 {
            let depth = Int.random(in: 1...4, using: &random)
            let key = (0..<depth).map { _ in segments.randomElement(using: &random) ?? "x" }.joined(separator: "/")
            // Some of them exclude each other.
            if (try? fixture.store.put(key, [1])) != nil { keys.insert(key) }
        }
        let all = sorted(keys)
        for limit: UInt32 in [1, 2, 3, 10, 59, 60, 61, 5000] { #expect(try fixture.store.keys(limit: limit) == all) }
        for prefix in ["a", "a/", "a/a", "a-", "ab/", "é", "b/b", "zzz", "a/b/", "a//", "/", "..", ".fp"] {
            let expected = all.filter { $0.utf8.starts(with: prefix.utf8) }
            #expect(try fixture.store.keys(prefix: prefix, limit: 3) == expected, "prefix \(prefix)")
        }
        for start in all + ["a", "a/", "aa", "zz"] {
            let expected = all.filter { Array(start.utf8).lexicographicallyPrecedes(Array($0.utf8)) }
            #expect(try fixture.store.all(startAfter: start, limit: 7).map(\.key) == expected, "after \(start)")
        }
    }

    @Test("Entries say what a stat says")
    func entries() throws {
        let fixture = try Fixture()
        for index in 0..<10 { try fixture.store.put("d\(index % 3)/\(index)", [UInt8](repeating: 1, count: index)) }
        for entry in try fixture.store.all() {
            let info = try fixture.store.stat(entry.key)
            #expect(info.size == entry.size && info.modified == entry.modified && info.etag == entry.etag)
            #expect(!entry.isPending && entry.token == [])
        }
    }

    @Test("An empty store, an unknown prefix and a location full of strangers list as nothing")
    func nothing() throws {
        let fixture = try Fixture()
        #expect(try fixture.store.keys() == [])
        #expect(try fixture.store.all(pending: true) == [])
        mkdir(fixture.path + "/empty", 0o755)
        symlink("/etc", fixture.path + "/link")
        for name in ["back\\slash", "line\nbreak", "\u{1b}[31m"] { close(creat(fixture.path + "/" + name, 0o644)) }
        var latin = Array((fixture.path + "/").utf8CString.dropLast()) + [CChar(bitPattern: 0xE9), 0]
        close(creat(&latin, 0o644))
        mkdir(fixture.path + "/tab\tdir", 0o755)
        close(creat(fixture.path + "/tab\tdir/file", 0o644))
        #expect(try fixture.store.keys() == [])
        #expect(try fixture.store.keys(prefix: "no/such/") == [])
    }

    @Test("What is there throughout is delivered, whatever comes and goes between the pages")
    func changesBetweenPages() throws {
        let fixture = try Fixture()
        let stable = (0..<200).map { "d\($0 % 7)/s\($0)" }
        for key in stable { try fixture.store.put(key, [1]) }
        var found: Set<String> = []
        var cursor: [UInt8]?
        var round = 0
        repeat {
            // Another instance goes on with the cursor each time, as another process would.
            let page = try fixture.another().page(cursor: cursor, limit: 9)
            found.formUnion(page.entries.map(\.key))
            cursor = page.cursor
            try fixture.store.put("d\(round % 7)/a\(round)", [1])
            try fixture.store.put("e\(round)/x", [1])
            if round > 0 { try fixture.store.remove("e\(round - 1)/x") }
            round += 1
        } while cursor != nil
        #expect(found.isSuperset(of: stable))
    }

    @Test("A listener can stop anywhere, and goes on after what it got")
    func stopping() throws {
        let fixture = try Fixture()
        for index in 0..<20 { try fixture.store.put("k\(index)", [1]) }
        let all = try fixture.store.keys()
        let page = try fixture.store.page(stopAfter: 5)
        #expect(page.entries.map(\.key) == Array(all[..<5]))
        #expect(try fixture.store.page(cursor: page.cursor).entries.map(\.key) == Array(all[5...]))
        expectFailure(FP_E_INVALID) { try fixture.store.page(cursor: [9, 9]) }
        expectFailure(FP_E_INVALID) { try fixture.store.page(limit: 0) }
    }

    @Test("A directory far larger than a page is listed whole")
    func large() throws {
        let fixture = try Fixture()
        for index in 0..<3000 { close(creat("\(fixture.path)/f\(index)", 0o644)) }
        let keys = try fixture.store.keys(limit: 100)
        #expect(keys == sorted((0..<3000).map { "f\($0)" }))
    }
}
