import FPPluginAPI
import PluginTestKit
import Testing

extension Behaviour {
    package static let objects: [Behaviour] = [
        Behaviour("What was put is read back, whatever its size") { kind in
            let place = try kind.place()
            let unit = kind.unit
            for size in [0, 1, 100_000, unit - 1, unit, unit + 1, 2 * unit, 2 * unit + 7] {
                let key = "a/b/\(size)"
                let bytes = Pattern.bytes(size)
                let stored = try place.store.put(key, bytes)
                let info = try place.store.stat(key)
                #expect(stored.size == UInt64(size) && info.size == UInt64(size))
                #expect(info.etag == stored.etag && !info.etag.isEmpty && info.modified > 0)
                if kind.has(.folders) { #expect(info == stored) }
                expectSame(try place.store.get(key), bytes)
            }
        },
        Behaviour("An offset beyond all sense is a range error") { kind in
            let place = try kind.place()
            try place.store.put("k", [1, 2, 3])
            expectFailure(FP_E_RANGE) { try place.store.open("k", offset: .max, length: .max) }
        },
        Behaviour("A taken key is refused, unless replacing is allowed and a free key was not asked for") { kind in
            let strict = try kind.place()
            try strict.store.put("k", [1])
            expectFailure(FP_E_EXISTS) { try strict.store.put("k", [2]) }
            expectFailure(FP_E_EXISTS) { try strict.store.put("k", [2], flags: FP_W_IF_NOT_EXISTS) }
            #expect(try strict.store.get("k") == [1])
            #expect(strict.store.caps.flags & FP_CAP_ATOMIC_REPLACE == 0)

            let loose = try kind.place(replacing: true)
            for flags in [0, FP_W_RESUMABLE] {
                try loose.store.put("k", [UInt8(flags)], flags: flags)
                expectFailure(FP_E_EXISTS) { try loose.store.put("k", [9], flags: flags | FP_W_IF_NOT_EXISTS) }
                #expect(try loose.store.get("k") == [UInt8(flags)])
            }
            #expect(loose.store.caps.flags & (FP_CAP_ATOMIC_REPLACE | FP_CAP_ATOMIC_CREATE) != 0)
            // The session that was refused can still be resumed, by contract; the puts have left nothing.
            #expect(try loose.store.all(pending: true).map(\.key) == ["k"])
        },
        Behaviour("A key that must be free is not written twice, however large the objects are") { kind in
            for size in [10, kind.unit + 1] {
                let place = try kind.place(replacing: true)
                try place.store.put("k", Pattern.bytes(size), flags: FP_W_IF_NOT_EXISTS)
                expectFailure(FP_E_EXISTS) {
                    try place.store.put("k", Pattern.bytes(size, seed: 2), flags: FP_W_IF_NOT_EXISTS)
                }
                expectSame(try place.store.get("k"), Pattern.bytes(size))
                #expect(place.store.caps.flags & FP_CAP_ATOMIC_CREATE != 0)
            }
        },
        Behaviour("A reader sees one version, whatever happens to the key", needs: .readersKeepTheirVersion) { kind in
            let place = try kind.place(replacing: true)
            let first = Pattern.bytes(50_000, seed: 1)
            let old = try place.store.put("k", first)
            let reader = try place.store.open("k")
            var read = try reader.read(1000)
            let new = try place.store.put("k", Pattern.bytes(50_000, seed: 2))
            #expect(new.etag != old.etag)
            read += try reader.read(1000)
            try place.store.remove("k")
            #expect(try read + reader.rest() == first)
        },
        Behaviour("A tag names one version", needs: .tagsNameVersions) { kind in
            let place = try kind.place(replacing: true)
            var seen: Set<String> = []
            var last = ""
            // As fast as possible and of one size, so that inode numbers and coarse clocks repeat.
            for round in 0..<500 {
                last = try place.store.put("k", [UInt8(round & 0xFF)]).etag
                #expect(seen.insert(last).inserted)
            }
            #expect(try place.store.open("k", ifMatch: last).rest().count == 1)
            seen.remove(last)
            for stale in seen.prefix(3) {
                expectFailure(FP_E_PRECONDITION) { try place.store.open("k", ifMatch: stale) }
            }
        },
        Behaviour("A reader that names a version gets that one or none, even of no bytes") { kind in
            let place = try kind.place(replacing: true)
            let first = try place.store.put("k", Pattern.bytes(1000))
            #expect(try place.store.open("k", ifMatch: first.etag).rest() == Pattern.bytes(1000))
            try place.store.put("k", Pattern.bytes(1000, seed: 2))
            expectFailure(FP_E_PRECONDITION) { try place.store.open("k", ifMatch: first.etag) }
            expectFailure(FP_E_PRECONDITION) { try place.store.open("k", length: 0, ifMatch: first.etag) }
        },
        Behaviour("A write that is not committed leaves nothing, and cannot be synced") { kind in
            for size in [10, 2 * kind.unit + 1] {
                let place = try kind.place(replacing: true)
                let writer = try place.store.begin("a/k")
                try writer.write(Pattern.bytes(size))
                #expect(writer.token == [])
                expectFailure(FP_E_UNSUPPORTED, FP_E_INVALID) { try writer.sync() }
                writer.close()
                #expect(try place.store.lookup("a/k") == nil)
                try place.expectNothingStaged()
                #expect(place.tree() == [])
            }
        },
        Behaviour("A mark that combines with a slash, or with nothing, is a part of the key like any other") { kind in
            let place = try kind.place()
            let keys = ["x/\u{301}y.txt", "\u{301}a/\u{301}b/\u{301}c", "é", "plain"]
            func bytes(_ keys: some Sequence<String>) -> Set<[UInt8]> { Set(keys.map { Array($0.utf8) }) }
            for key in keys { try place.store.begin(key, flags: FP_W_RESUMABLE).close() }
            let found = try place.store.all(pending: true)
            #expect(bytes(found.map(\.key)) == bytes(keys))
            for entry in found {
                let writer = try #require(try place.store.resume(entry.token).writer)
                try writer.write([1, 2])
                try writer.commit()
            }
            #expect(bytes(try place.store.keys()) == bytes(keys))
            for key in keys {
                #expect(try place.store.get(key) == [1, 2])
                try place.store.remove(key)
            }
            #expect(try place.store.keys() == [])
        },
        Behaviour("Keys that break the rules are refused by every slot") { kind in
            let place = try kind.place()
            let hostile = [
                "", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", ".fp", ".fp/w/x", "a\\b",
                "a\u{1}b", String(repeating: "x", count: 256), String(repeating: "a/", count: 512) + "b",
            ]
            try place.store.put("k", [1])
            for key in hostile {
                expectFailure(FP_E_INVALID) { try place.store.stat(key) }
                expectFailure(FP_E_INVALID) { try place.store.open(key) }
                expectFailure(FP_E_INVALID) { try place.store.begin(key) }
                expectFailure(FP_E_INVALID) { try place.store.begin(key, flags: FP_W_RESUMABLE) }
                expectFailure(FP_E_INVALID) { try place.store.remove(key) }
                expectFailure(FP_E_INVALID) { try place.store.copy(key, to: "x") }
                expectFailure(FP_E_INVALID) { try place.store.copy("k", to: key) }
                #expect(try key.isEmpty || place.store.keys(prefix: key) == [])
            }
            #expect(try place.store.keys() == ["k"])
        },
        Behaviour("A cancelled or late call does nothing") { kind in
            let place = try kind.place()
            var options = CallOptions()
            options.isCancelled = true
            expectFailure(FP_E_CANCELLED) { try place.store.stat("k", options) }
            options.deadline = 1
            expectFailure(FP_E_TIMEOUT) { try place.store.stat("k", options) }
        },
        Behaviour("A health check in depth finds the store well, and leaves nothing behind") { kind in
            let place = try kind.place()
            #expect(try place.store.health().state == FP_HEALTH_OK)
            #expect(try place.store.health(deep: true).state == FP_HEALTH_OK)
            try place.expectNothingStaged()
            #expect(place.tree() == [])
        },
    ]
}
