import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("LocalStore: copies and moves")
struct CopyTests {
    private let bytes = Pattern.bytes(300_000)

    @Test("A move is a rename: atomic, without bytes on the way, and it cleans up behind itself")
    func moving() throws {
        let fixture = try Fixture()
        let before = try fixture.store.put("a/b/from", bytes)
        let moved = try fixture.store.copy(
            "a/b/from", to: "x/y/to", flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC | FP_COPY_POWER)
        #expect(moved.flags == FP_COPYR_ATOMIC)
        #expect(moved.info == before)
        #expect(try fixture.store.stat("x/y/to") == before)
        #expect(try fixture.store.get("x/y/to") == bytes)
        #expect(fixture.directory.tree() == ["x", "x/y", "x/y/to"])
        #expect(fixture.store.caps.flags & (FP_CAP_MOVE | FP_CAP_MOVE_ATOMIC) == FP_CAP_MOVE | FP_CAP_MOVE_ATOMIC)
    }

    @Test("A copy shares blocks where the file system can, and passes bytes only if it may")
    func copying() throws {
        let fixture = try Fixture()
        try fixture.store.put("from", bytes)
        let shares = fixture.store.caps.flags & FP_CAP_COPY != 0
        if !shares {
            expectFailure(FP_E_UNSUPPORTED) { try fixture.store.copy("from", to: "a/to") }
            #expect(fixture.directory.tree(withPrivate: true) == ["from"])
        }
        let copied = try fixture.store.copy("from", to: "a/to", flags: FP_COPY_ALLOW_STREAM)
        #expect(copied.flags == FP_COPYR_ATOMIC | (shares ? 0 : FP_COPYR_STREAMED))
        #expect(try fixture.store.stat("a/to") == copied.info)
        #expect(try fixture.store.get("a/to") == bytes)
        #expect(try fixture.store.get("from") == bytes)
        #expect(try fixture.store.stat("from").etag != copied.info.etag)
        try fixture.store.put("empty", [])
        #expect(try fixture.store.copy("empty", to: "nothing", flags: FP_COPY_ALLOW_STREAM).info.size == 0)
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

    @Test("An object goes over to another store on the same file system by rename, with the mode of its new place")
    func transfer() throws {
        let staging = try Fixture(["file_permissions_mode": "0600"])
        let media = try Fixture(["file_permissions_mode": "0664"])
        let before = try staging.store.put("t/upload", bytes, flags: FP_W_RESUMABLE)
        let moved = try media.store.copy(
            "t/upload", to: "2024/a.jpg", flags: FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS | FP_COPY_POWER,
            from: staging.store)
        #expect(moved.flags == FP_COPYR_ATOMIC)
        #expect(moved.info == before)
        #expect(try media.store.get("2024/a.jpg") == bytes)
        #expect(staging.directory.tree() == [])
        var found = stat()
        stat(media.path + "/2024/a.jpg", &found)
        #expect(found.st_mode & 0o777 == 0o664)
        let back = try staging.store.copy("2024/a.jpg", to: "copy", flags: FP_COPY_ALLOW_STREAM, from: media.store)
        #expect(try staging.store.get("copy") == bytes)
        #expect(back.info.size == 300_000)
        try staging.store.put("other", [1])
        expectFailure(FP_E_EXISTS) {
            try media.store.copy("other", to: "2024/a.jpg", flags: FP_COPY_MOVE, from: staging.store)
        }
        #expect(try staging.store.get("other") == [1])
    }

    @Test(
        "Between file systems a move is left to the host, without effect",
        .enabled(if: access("/dev/shm", W_OK) == 0, "needs a second file system at /dev/shm"))
    func acrossFileSystems() throws {
        let one = try Fixture()
        let two = try Fixture(in: "/dev/shm")
        try one.store.put("k", bytes)
        expectFailure(FP_E_UNSUPPORTED) {
            try two.store.copy("k", to: "a/k", flags: FP_COPY_MOVE | FP_COPY_ALLOW_STREAM, from: one.store)
        }
        #expect(try two.store.keys() == [])
        #expect(try one.store.get("k") == bytes)
        let copied = try two.store.copy("k", to: "a/k", flags: FP_COPY_ALLOW_STREAM, from: one.store)
        #expect(copied.flags & FP_COPYR_STREAMED != 0)
        #expect(try two.store.get("a/k") == bytes)
    }
}
