import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: objects")
struct ObjectTests {
    @Test("What was put is read back, at any offset and with any buffer")
    func roundTrip() throws {
        let fixture = try Fixture()
        let bytes = Pattern.bytes(100_000)
        let info = try fixture.store.put("a/b/c.bin", bytes)
        #expect(info.size == 100_000)
        #expect(try fixture.store.stat("a/b/c.bin") == info)
        #expect(try fixture.store.get("a/b/c.bin") == bytes)
        #expect(try fixture.store.open("a/b/c.bin").rest(1013) == bytes)
        for (offset, length) in [(0, 1), (1, 7), (99_999, 1), (50_000, 50_000), (0, 0), (100_000, 0), (77, 1 << 40)] {
            let reader = try fixture.store.open("a/b/c.bin", offset: UInt64(offset), length: UInt64(length))
            #expect(reader.info == info)
            #expect(try reader.rest() == Array(bytes[offset..<min(bytes.count, offset + length)]))
        }
    }

    @Test("A slash with a combining mark behind it separates like any other")
    func marks() throws {
        let fixture = try Fixture()
        for key in ["x/\u{301}y.txt", "\u{301}a/\u{301}b/\u{301}c"] {
            try fixture.store.put(key, [1, 2])
            #expect(try fixture.store.get(key) == [1, 2])
            try fixture.store.remove(key)
        }
    }

    @Test("An object may be empty")
    func emptyObject() throws {
        let fixture = try Fixture()
        #expect(try fixture.store.put("empty", []).size == 0)
        #expect(try fixture.store.get("empty") == [])
        #expect(try fixture.store.open("empty", offset: 0, length: 10).rest() == [])
        let writer = try fixture.store.begin("untouched", flags: FP_W_RESUMABLE)
        #expect(try writer.commit().size == 0)
    }

    @Test("Absent, pending and directory-like keys do not exist")
    func notFound() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/b", [1])
        let pending = try fixture.store.begin("pending", flags: FP_W_RESUMABLE)
        try pending.write([1, 2, 3])
        for key in ["absent", "a", "a/c", "a/b/c", "pending", "x/y/z"] {
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.stat(key) }
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.open(key) }
        }
    }

    @Test("An offset beyond the object is a range error")
    func ranges() throws {
        let fixture = try Fixture()
        try fixture.store.put("k", [1, 2, 3])
        expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: 3, length: 1) }
        expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: 3) }
        expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: 4, length: 0) }
        expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: .max, length: .max) }
    }

    @Test("A reader sees one version, whatever happens to the key")
    func oneVersion() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        let first = Pattern.bytes(50_000, seed: 1)
        let second = Pattern.bytes(50_000, seed: 2)
        let old = try fixture.store.put("k", first)
        let reader = try fixture.store.open("k")
        var read = try reader.read(1000)
        let new = try fixture.store.put("k", second)
        #expect(new.etag != old.etag)
        read += try reader.read(1000)
        try fixture.store.remove("k")
        #expect(try read + reader.rest() == first)
    }

    @Test("A tag names one version")
    func tags() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        var seen: Set<String> = []
        var last = ""
        // As fast as possible and of one size, so that inode numbers and coarse clocks repeat.
        for round in 0..<500 {
            last = try fixture.store.put("k", [UInt8(round & 0xFF)]).etag
            #expect(seen.insert(last).inserted)
        }
        #expect(try fixture.store.open("k", ifMatch: last).rest().count == 1)
        seen.remove(last)
        for stale in seen.prefix(3) {
            expectFailure(FP_E_PRECONDITION) { try fixture.store.open("k", ifMatch: stale) }
        }
    }

    @Test("A taken key is refused, unless overwriting is allowed and a free key was not asked for")
    func overwriting() throws {
        let strict = try Fixture()
        try strict.store.put("k", [1])
        expectFailure(FP_E_EXISTS) { try strict.store.put("k", [2]) }
        expectFailure(FP_E_EXISTS) { try strict.store.put("k", [2], flags: FP_W_IF_NOT_EXISTS) }
        #expect(try strict.store.get("k") == [1])
        #expect(strict.store.caps.flags & FP_CAP_ATOMIC_REPLACE == 0)

        let loose = try Fixture(["allow_overwrite": "true"])
        for flags in [0, FP_W_RESUMABLE] {
            try loose.store.put("k", [UInt8(flags)], flags: flags)
            expectFailure(FP_E_EXISTS) { try loose.store.put("k", [9], flags: flags | FP_W_IF_NOT_EXISTS) }
            #expect(try loose.store.get("k") == [UInt8(flags)])
        }
        #expect(loose.store.caps.flags & FP_CAP_ATOMIC_REPLACE != 0)
        // The session that was refused can still be resumed, by contract; the puts leave nothing.
        #expect(try loose.store.all(pending: true).map(\.key) == ["k"])
    }

    @Test("A key and keys below it exclude each other, without loss", arguments: ["true", "false"])
    func filesAndFolders(overwrite: String) throws {
        let fixture = try Fixture(["allow_overwrite": overwrite])
        try fixture.store.put("a/b", [1])
        for flags in [0, FP_W_RESUMABLE] {
            let folder = expectFailure(FP_E_EXISTS) { try fixture.store.put("a", [2], flags: flags) }
            #expect(folder?.message.contains("other objects lie below") == true)
            let file = expectFailure(FP_E_EXISTS) { try fixture.store.put("a/b/c", [3], flags: flags) }
            #expect(file?.message.contains("a part of that path is an object") == true)
        }
        #expect(try fixture.store.keys() == ["a/b"])
        #expect(try fixture.store.get("a/b") == [1])
        try fixture.store.remove("a/b")
        #expect(try fixture.store.put("a", [2]).size == 1)
    }

    @Test("An empty directory is no object and not in the way")
    func emptyDirectory() throws {
        let fixture = try Fixture()
        mkdir(fixture.path + "/a", 0o755)
        mkdir(fixture.path + "/a/b", 0o755)
        expectFailure(FP_E_EXISTS) { try fixture.store.put("a", [1]) }
        try fixture.store.put("a/b", [1])
        #expect(try fixture.store.keys() == ["a/b"])
    }

    @Test("Removing is idempotent and takes empty directories along")
    func removing() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/b/c/1", [1])
        try fixture.store.put("a/b/2", [2])
        try fixture.store.remove("a/b/c/1")
        try fixture.store.remove("a/b/c/1")
        #expect(fixture.tree() == ["a", "a/b", "a/b/2"])
        try fixture.store.remove("a")
        try fixture.store.remove("a/b/2/3")
        try fixture.store.remove("a/b/2")
        #expect(fixture.tree() == [])
    }

    @Test("Modes are those of the options, whatever the umask")
    func modes() throws {
        func mode(_ path: String) -> mode_t {
            var found = stat()
            lstat(path, &found)
            return found.st_mode & 0o7777
        }
        // Bits that the usual umask takes away.
        let open = try Fixture(["file_mode": "0666", "dir_mode": "0777"])
        try open.store.put("a/b/1", [1])
        try open.store.put("a/2", [1], flags: FP_W_RESUMABLE)
        #expect(["/a/b/1", "/a/2"].map { mode(open.path + $0) } == [0o666, 0o666])
        #expect(["/a", "/a/b"].map { mode(open.path + $0) } == [0o777, 0o777])
        #expect(mode(open.path + "/.fp") == 0o700)
        let usual = try Fixture()
        try usual.store.put("a/1", [1])
        #expect(mode(usual.path + "/a/1") == 0o644)
    }

    @Test("A file that shrinks under a reader is an error, never a short object")
    func shrinking() throws {
        let fixture = try Fixture()
        let bytes = Pattern.bytes(4_000_000)
        try fixture.store.put("k", bytes)
        let reader = try fixture.store.open("k")
        var found = try reader.read(4000)
        truncate(fixture.path + "/k", 3_000_000)
        expectFailure(FP_E_TRANSIENT) { while true { found += try reader.read(100_000) } }
        #expect(found == Array(bytes[..<found.count]) && found.count <= 3_000_000)
        expectFailure(FP_E_INVALID) { try reader.read(4000) }
    }

    @Test("Keys of any script and the longest keys work")
    func names() throws {
        let fixture = try Fixture()
        let long = Array(repeating: String(repeating: "n", count: 255), count: 4).joined(separator: "/")
        for key in [
            "写真.jpg", "🎉", "a b", " a", "~", "-rf", "%2e%2e", "a'b\"c", "A", "a", "...", "x/.fp/y", ".fpx", long,
        ] {
            try fixture.store.put(key, Array(key.utf8))
            #expect(try fixture.store.get(key) == Array(key.utf8))
        }
        #expect(try fixture.store.keys().count == 14)
    }

    @Test("A cancelled or late call does nothing")
    func cancelled() throws {
        let fixture = try Fixture()
        var options = CallOptions()
        options.isCancelled = true
        expectFailure(FP_E_CANCELLED) { try fixture.store.stat("k", options) }
        options.deadline = 1
        expectFailure(FP_E_TIMEOUT) { try fixture.store.stat("k", options) }
    }
}
