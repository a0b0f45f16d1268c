import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: copies and moves")
struct CopyTests {
    private let bytes = Pattern.bytes(300_000)

    @Test("A move that may replace is a rename: atomic, and it cleans up behind itself")
    func movingAtomically() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        let before = try fixture.store.put("a/b/from", bytes)
        let moved = try fixture.store.copy(
            "a/b/from", to: "x/y/to", flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC | FP_COPY_POWER)
        #expect(moved.flags == FP_COPYR_ATOMIC)
        #expect(moved.info == before)
        #expect(try fixture.store.get("x/y/to") == bytes)
        try waitUntil("empty directories go") { fixture.tree() == ["x", "x/y", "x/y/to"] }
    }

    @Test("A move to a name that must be free has two steps, and says so")
    func movingToFreeName() throws {
        let fixture = try Fixture()
        let before = try fixture.store.put("a/from", bytes)
        let flags = FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS
        expectFailure(FP_E_UNSUPPORTED) {
            try fixture.store.copy("a/from", to: "to", flags: flags | FP_COPY_REQUIRE_ATOMIC)
        }
        #expect(try fixture.store.keys() == ["a/from"])
        let moved = try fixture.store.copy("a/from", to: "to", flags: flags)
        #expect(moved.flags == 0)
        #expect(moved.info == before)
        #expect(try fixture.store.get("to") == bytes)
        try waitUntil("empty directories go") { fixture.tree() == ["to"] }
    }

    @Test("A copy takes no bytes through this machine, and each of the two outlives the other")
    func copying() throws {
        for options in [[:], ["allow_overwrite": "true"]] {
            let fixture = try Fixture(options)
            try fixture.store.put("from", bytes)
            let copied = try fixture.store.copy("from", to: "a/to")
            #expect(copied.flags == FP_COPYR_ATOMIC)
            #expect(try fixture.store.stat("a/to") == copied.info)
            try fixture.store.remove("from")
            #expect(try fixture.store.get("a/to") == bytes)
            try fixture.store.put("empty", [])
            #expect(try fixture.store.copy("empty", to: "nothing").info.size == 0)
            #expect(fixture.store.caps.flags & FP_CAP_COPY != 0)
        }
    }

    @Test("Copies and moves respect what is there", arguments: [0, FP_COPY_MOVE])
    func conflicts(move: UInt32) throws {
        let strict = try Fixture()
        let loose = try Fixture(["allow_overwrite": "true"])
        for store in [strict.store, loose.store] {
            try store.put("from", [1])
            try store.put("to", [2])
            try store.put("folder/x", [3])
            let flags = move | FP_COPY_ALLOW_STREAM
            expectFailure(FP_E_NOT_FOUND) { try store.copy("absent", to: "new", flags: flags) }
            expectFailure(FP_E_NOT_FOUND) { try store.copy("folder", to: "new", flags: flags) }
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "to", flags: flags | FP_COPY_IF_NOT_EXISTS) }
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "folder", flags: flags) }
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "to/x", flags: flags) }
            expectFailure(FP_E_PRECONDITION) { try store.copy("from", to: "new", flags: flags, ifMatch: "stale") }
            expectFailure(FP_E_EXISTS) { try store.copy("from", to: "from", flags: flags | FP_COPY_IF_NOT_EXISTS) }
            #expect(try store.keys() == ["folder/x", "from", "to"])
            #expect(try store.get("from") == [1] && store.get("to") == [2])
        }
        expectFailure(FP_E_EXISTS) { try strict.store.copy("from", to: "to", flags: move | FP_COPY_ALLOW_STREAM) }
        _ = try loose.store.copy("from", to: "from", flags: move | FP_COPY_ALLOW_STREAM)
        let etag = try loose.store.stat("from").etag
        _ = try loose.store.copy("from", to: "to", flags: move | FP_COPY_ALLOW_STREAM, ifMatch: etag)
        #expect(try loose.store.get("to") == [1])
        #expect(try loose.store.lookup("from") == nil || move == 0)
        #expect(try loose.store.all(pending: true) == [])
    }

    @Test("An object goes over to another directory of the same server, with the mode of its new place")
    func transfer() throws {
        let staging = try Fixture(["file_mode": "0600"])
        let media = try Fixture(["file_mode": "0664"])
        let before = try staging.store.put("t/upload", bytes, flags: FP_W_RESUMABLE)
        let moved = try media.store.copy(
            "t/upload", to: "2024/a.jpg", flags: FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS | FP_COPY_POWER,
            from: staging.store)
        #expect(moved.info == before)
        #expect(try media.store.get("2024/a.jpg") == bytes)
        try waitUntil("empty directories go") { staging.tree() == [] }
        var found = stat()
        stat(media.path + "/2024/a.jpg", &found)
        #expect(found.st_mode & 0o777 == 0o664)
        try staging.store.put("other", [1])
        expectFailure(FP_E_EXISTS) {
            try media.store.copy("other", to: "2024/a.jpg", flags: FP_COPY_MOVE, from: staging.store)
        }
        #expect(try staging.store.get("other") == [1])
        let elsewhere = try TestStore(sftpStore, try SSHServer().options(root: media.path))
        expectFailure(FP_E_UNSUPPORTED) { try elsewhere.copy("other", to: "o", from: staging.store) }
    }

    @Test("A copy that shares its bytes can be moved onto what it was copied from")
    func moveOntoTwin() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        try fixture.store.put("one", bytes)
        link(fixture.path + "/one", fixture.path + "/two")
        _ = try fixture.store.copy("one", to: "two", flags: FP_COPY_MOVE)
        #expect(try fixture.store.keys() == ["two"])
        #expect(try fixture.store.get("two") == bytes)
    }
}
