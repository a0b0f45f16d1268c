import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    package static let copies: [Behaviour] = [
        Behaviour("A copy and what it was copied from outlive each other") { kind in
            for isReplacing in [false, true] {
                let place = try kind.place(replacing: isReplacing)
                let bytes = Pattern.bytes(300_000)
                let before = try place.store.put("from", bytes)
                let copied = try place.store.copy("from", to: "a/to", flags: FP_COPY_ALLOW_STREAM)
                let found = try place.store.stat("a/to")
                #expect(found.size == copied.info.size && found.etag == copied.info.etag)
                if kind.has(.folders) { #expect(found == copied.info) }
                #expect(try place.store.get("from") == bytes)
                #expect(try place.store.stat("from").etag == before.etag)
                try place.store.remove("from")
                #expect(try place.store.get("a/to") == bytes)
                try place.store.put("empty", [])
                #expect(try place.store.copy("empty", to: "nothing", flags: FP_COPY_ALLOW_STREAM).info.size == 0)
            }
        },
        Behaviour("A move is a rename: atomic, and it cleans up behind itself", needs: .folders) { kind in
            for isReplacing in kind.has(.movesAtomically) ? [true, false] : [true] {
                let place = try kind.place(replacing: isReplacing)
                let bytes = Pattern.bytes(300_000)
                let before = try place.store.put("a/b/from", bytes)
                let moved = try place.store.copy(
                    "a/b/from", to: "x/y/to", flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC | FP_COPY_POWER)
                #expect(moved.flags == FP_COPYR_ATOMIC)
                #expect(moved.info == before)
                #expect(try place.store.stat("x/y/to") == before)
                #expect(try place.store.get("x/y/to") == bytes)
                try waitUntil("empty directories go") { place.tree() == ["x", "x/y", "x/y/to"] }
            }
        },
        Behaviour("Copies and moves respect what is there") { kind in
            for move in [0, FP_COPY_MOVE] {
                try respect(kind, move, isReplacing: false)
                try respect(kind, move, isReplacing: true)
            }
        },
        Behaviour("An object goes over to another store of the same back-end, with the mode of its new place") {
            kind in
            let modes = kind.has(.folders)
            let staging = try kind.place(modes ? [.fileMode: "0600"] : [:])
            let media = try kind.place(modes ? [.fileMode: "0664"] : [:])
            let bytes = Pattern.bytes(300_000)
            let before = try staging.store.put("t/upload", bytes, flags: FP_W_RESUMABLE)
            let moved = try media.store.copy(
                "t/upload", to: "2024/a.jpg", flags: FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS | FP_COPY_POWER,
                from: staging.store)
            #expect(moved.info.size == before.size)
            #expect(try media.store.get("2024/a.jpg") == bytes)
            #expect(try staging.store.keys() == [])
            if modes {
                #expect(moved.info == before)
                #expect(moved.flags == (kind.has(.movesAtomically) ? FP_COPYR_ATOMIC : 0))
                try waitUntil("empty directories go") { staging.tree() == [] }
                var found = Glibc.stat()
                stat(media.path + "/2024/a.jpg", &found)
                #expect(found.st_mode & 0o777 == 0o664)
            }
            try staging.store.put("other", [1])
            expectFailure(FP_E_EXISTS) {
                try media.store.copy("other", to: "2024/a.jpg", flags: FP_COPY_MOVE, from: staging.store)
            }
            #expect(try staging.store.get("other") == [1])
        },
        Behaviour("A copy or move onto itself, by way of another store in the same place, loses nothing") { kind in
            for flags in [0, FP_COPY_MOVE] {
                let place = try kind.place(replacing: true)
                try place.store.put("k", [1, 2, 3])
                _ = try place.another().copy("k", to: "k", flags: flags | FP_COPY_ALLOW_STREAM, from: place.store)
                #expect(try place.store.get("k") == [1, 2, 3])
                #expect(try place.store.keys() == ["k"])
            }
        },
        Behaviour("A copy that shares its bytes can be moved onto what it was copied from", needs: .folders) { kind in
            let place = try kind.place(replacing: true)
            try place.store.put("one", [1, 2, 3])
            link(place.path + "/one", place.path + "/two")
            _ = try place.store.copy("one", to: "two", flags: FP_COPY_MOVE)
            #expect(try place.store.keys() == ["two"])
            #expect(try place.store.get("two") == [1, 2, 3])
            // But not one name onto itself, by way of another store in the same place.
            link(place.path + "/two", place.path + "/three")
            _ = try place.another().copy("two", to: "two", flags: FP_COPY_MOVE, from: place.store)
            #expect(try place.store.keys() == ["three", "two"])
        },
    ]

    private static func respect(_ kind: StoreKind, _ move: UInt32, isReplacing: Bool) throws {
        let place = try kind.place(replacing: isReplacing)
        let store = place.store
        try store.put("from", [1])
        try store.put("to", [2])
        try store.put("folder/x", [3])
        let flags = move | FP_COPY_ALLOW_STREAM
        expectFailure(FP_E_NOT_FOUND) { try store.copy("absent", to: "new", flags: flags) }
        expectFailure(FP_E_NOT_FOUND) { try store.copy("folder", to: "new", flags: flags) }
        expectFailure(FP_E_EXISTS) { try store.copy("from", to: "to", flags: flags | FP_COPY_IF_NOT_EXISTS) }
        if kind.has(.folders) {
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "folder", flags: flags) }
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "to/x", flags: flags) }
        }
        expectFailure(FP_E_PRECONDITION) { try store.copy("from", to: "new", flags: flags, ifMatch: "stale") }
        expectFailure(FP_E_EXISTS) { try store.copy("from", to: "from", flags: flags | FP_COPY_IF_NOT_EXISTS) }
        #expect(Set(try store.keys()) == ["folder/x", "from", "to"])
        #expect(try store.get("from") == [1] && store.get("to") == [2])
        guard isReplacing else {
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "to", flags: flags) }
            #expect(try store.get("from") == [1] && store.get("to") == [2])
            return
        }
        _ = try store.copy("from", to: "from", flags: flags)
        let etag = try store.stat("from").etag
        _ = try store.copy("from", to: "to", flags: flags, ifMatch: etag)
        #expect(try store.get("to") == [1])
        #expect(try store.lookup("from") == nil || move == 0)
        try place.expectNothingStaged()
    }
}
