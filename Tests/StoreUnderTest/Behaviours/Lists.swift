import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    package static let lists: [Behaviour] = [
        Behaviour("Lists have every key once, for every size of page and every prefix, in byte order if promised") {
            kind in
            var random = SeededGenerator("order on \(kind.name)")
            let place = try kind.place()
            let segments = ["a", "a-b", "a.b", "ab", "b", "é", "写", "a b", "0"]
            var keys: Set<String> = []
            while keys.count < 60 {
                let depth = Int.random(in: 1...4, using: &random)
                let key = (0..<depth).map { _ in segments.randomElement(using: &random) ?? "x" }.joined(separator: "/")
                // Folders exclude keys below keys, and SeaweedFS skips those below one that a page ends with.
                if keys.contains(where: { $0 == key || isBelow(key, $0) || isBelow($0, key) }) { continue }
                try place.store.put(key, [1])
                keys.insert(key)
            }
            let all = sorted(keys)
            func listed(_ prefix: String, limit: UInt32) throws -> [String] {
                let found = try place.store.keys(prefix: prefix, limit: limit)
                return kind.has(.ordered) ? found : sorted(found)
            }
            for limit: UInt32 in [1, 2, 3, 10, 59, 60, 61, 5000] {
                let found = try listed("", limit: limit)
                #expect(found == all, "in pages of \(limit): \(Set(found).symmetricDifference(all)) are missing")
            }
            for prefix in ["a", "a/", "a/a", "a-", "ab/", "é", "b/b", "zzz", "a/b/", "a//", "/", "..", ".fp"] {
                let due = all.filter { $0.utf8.starts(with: prefix.utf8) }
                #expect(try listed(prefix, limit: kind.has(.ordered) ? 3 : 1000) == due, "prefix \(prefix)")
            }
            guard kind.has(.ordered) else { return }
            for start in all + ["a", "a/", "aa", "zz"] {
                let due = all.filter { Array(start.utf8).lexicographicallyPrecedes(Array($0.utf8)) }
                #expect(try place.store.all(startAfter: start, limit: 7).map(\.key) == due, "after \(start)")
            }
        },
        Behaviour("What is there throughout is delivered, whatever comes and goes, page by page of other instances") {
            kind in
            let place = try kind.place()
            let stable = (0..<200).map { "d\($0 % 7)/s\($0)" }
            for key in stable { try place.store.put(key, [1]) }
            var found: Set<String> = []
            var cursor: [UInt8]?
            var round = 0
            repeat {
                let page = try place.another().page(cursor: cursor, limit: 9)
                found.formUnion(page.entries.map(\.key))
                cursor = page.cursor
                try place.store.put("d\(round % 7)/a\(round)", [1])
                try place.store.put("e\(round)/x", [1])
                if round > 0 { try place.store.remove("e\(round - 1)/x") }
                round += 1
            } while cursor != nil
            #expect(found.isSuperset(of: stable))
        },
        Behaviour("A page of nothing, and a cursor that is none of the store's, are refused", needs: .folders) { kind in
            let place = try kind.place()
            expectFailure(FP_E_INVALID) { try place.store.page(cursor: [9, 9]) }
            expectFailure(FP_E_INVALID) { try place.store.page(limit: 0) }
        },
        Behaviour("A directory far larger than a page is listed whole", needs: .folders) { kind in
            let place = try kind.place()
            for index in 0..<3000 { close(creat("\(place.path)/f\(index)", 0o644)) }
            #expect(try place.store.keys(limit: 100) == sorted((0..<3000).map { "f\($0)" }))
        },
        Behaviour("An empty store, an unknown prefix and a directory full of strangers list as nothing") { kind in
            let place = try kind.place()
            #expect(try place.store.keys() == [])
            #expect(try place.store.all(pending: true) == [])
            if kind.has(.folders) {
                mkdir(place.path + "/empty", 0o755)
                symlink("/etc", place.path + "/link")
                for name in ["back\\slash", "line\nbreak", "\u{1b}[31m"] {
                    close(creat(place.path + "/" + name, 0o644))
                }
                var latin = Array((place.path + "/").utf8CString.dropLast()) + [CChar(bitPattern: 0xE9), 0]
                close(creat(&latin, 0o644))
                mkdir(place.path + "/tab\tdir", 0o755)
                close(creat(place.path + "/tab\tdir/file", 0o644))
                mkfifo(place.path + "/fifo", 0o644)
                #expect(try place.store.keys() == [])
                // Opening a FIFO would block.
                expectFailure(FP_E_NOT_FOUND) { try place.store.stat("fifo") }
                expectFailure(FP_E_NOT_FOUND) { try place.store.open("fifo") }
            }
            #expect(try place.store.keys(prefix: "no/such/") == [])
        },
    ]

    private static func isBelow(_ key: String, _ other: String) -> Bool {
        key.utf8.starts(with: (other + "/").utf8)
    }

    private static func sorted(_ keys: some Sequence<String>) -> [String] {
        keys.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }
}
