import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: confinement")
struct ConfinementTests {
    /// A store beside a directory with a secret, which links inside the store point to.
    private struct Trap {
        let outside: TemporaryDirectory
        let fixture: Fixture

        init() throws {
            outside = try TemporaryDirectory()
            fixture = try Fixture(["allow_overwrite": "true"])
            mkdir(outside.path + "/sub", 0o755)
            for name in ["secret", "sub/secret"] {
                let file = open("\(outside.path)/\(name)", O_WRONLY | O_CREAT, 0o644)
                write(file, "secret", 6)
                close(file)
            }
        }

        func link(_ name: String, to target: String) { symlink(target, fixture.path + "/" + name) }

        func expectUntouched(_ location: SourceLocation = #_sourceLocation) {
            #expect(outside.tree() == ["secret", "sub", "sub/secret"], sourceLocation: location)
            for name in ["secret", "sub/secret"] {
                var found = stat()
                #expect(stat("\(outside.path)/\(name)", &found) == 0, sourceLocation: location)
                #expect(found.st_size == 6 && found.st_mode & 0o777 == 0o644, sourceLocation: location)
            }
        }
    }

    @Test("No link planted at any level lets a call out")
    func plantedLinks() throws {
        let trap = try Trap()
        let store = trap.fixture.store
        try store.put("real/deep/file", [1])
        trap.link("out", to: trap.outside.path)
        trap.link("real/out", to: trap.outside.path)
        trap.link("real/deep/out", to: "../../../" + (trap.outside.path.split(separator: "/").last ?? ""))
        trap.link("file", to: trap.outside.path + "/secret")
        trap.link("real/self", to: ".")
        trap.link("dangling", to: trap.outside.path + "/new")
        let through = [
            "out/secret", "out/sub/secret", "real/out/secret", "real/deep/out/secret", "real/self/deep/file",
        ]
        for key in through + ["file", "dangling"] {
            expectFailure(FP_E_DENIED) { try store.stat(key) }
            expectFailure(FP_E_DENIED) { try store.open(key) }
            expectFailure(FP_E_DENIED) { try store.copy(key, to: "stolen", flags: FP_COPY_ALLOW_STREAM) }
            expectFailure(FP_E_DENIED) { try store.copy(key, to: "stolen", flags: FP_COPY_MOVE) }
        }
        for key in through + ["out/new", "real/out/a/b/new"] {
            expectFailure(FP_E_DENIED) { try store.put(key, [2]) }
            expectFailure(FP_E_DENIED) { try store.put(key, [2], flags: FP_W_RESUMABLE) }
            expectFailure(FP_E_DENIED) { try store.remove(key) }
            expectFailure(FP_E_DENIED) { try store.copy("real/deep/file", to: key, flags: FP_COPY_MOVE) }
        }
        #expect(try store.keys() == ["real/deep/file"])
        #expect(try store.keys(prefix: "out/") == [])
        #expect(try store.keys(prefix: "real/out/") == [])
        trap.expectUntouched()
        // A link under the key itself is replaced, not followed.
        try store.put("file", [3])
        try store.put("dangling", [4], flags: FP_W_RESUMABLE)
        #expect(try store.get("file") == [3])
        #expect(try store.get("dangling") == [4])
        trap.expectUntouched()
    }

    @Test("No link in the place of the staging directory lets a call out")
    func plantedStaging() throws {
        for name in [".fp", ".fp/w"] {
            let trap = try Trap()
            let store = trap.fixture.store
            try store.put("real", [1])
            let writer = try store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write([1])
            rename(trap.fixture.path + "/" + name, trap.fixture.path + "/aside")
            trap.link(name, to: trap.outside.path)
            expectFailure(FP_E_DENIED) { try store.begin("l", flags: FP_W_RESUMABLE) }
            // Nothing has this name where the link leads.
            expectFailure(FP_E_GONE) { try writer.commit() }
            writer.close()
            expectFailure(FP_E_DENIED) { try store.resume(writer.token) }
            try store.discard(writer.token)
            expectFailure(FP_E_DENIED) { try store.all(pending: true) }
            #expect(try store.keys().contains { $0.hasPrefix("k") } == false)
            trap.expectUntouched()
        }
    }

    @Test("A session's file that is swapped for a link is not followed")
    func swappedSession() throws {
        let trap = try Trap()
        let store = trap.fixture.store
        let writer = try store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write([1])
        writer.close()
        let names = trap.fixture.tree(withPrivate: true).filter { $0.hasPrefix(".fp/w/") }
        for name in names {
            unlink(trap.fixture.path + "/" + name)
            trap.link(name, to: trap.outside.path + "/secret")
        }
        expectFailure(FP_E_DENIED) { try store.resume(writer.token) }
        trap.expectUntouched()
    }

    @Test("Keys that break the rules are refused by every slot")
    func hostileKeys() throws {
        let fixture = try Fixture()
        let hostile = [
            "", "/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", ".fp", ".fp/w/x", "a\\b", "a\u{1}b",
            String(repeating: "x", count: 256), String(repeating: "a/", count: 512) + "b",
        ]
        try fixture.store.put("k", [1])
        for key in hostile {
            expectFailure(FP_E_INVALID) { try fixture.store.stat(key) }
            expectFailure(FP_E_INVALID) { try fixture.store.open(key) }
            expectFailure(FP_E_INVALID) { try fixture.store.begin(key) }
            expectFailure(FP_E_INVALID) { try fixture.store.begin(key, flags: FP_W_RESUMABLE) }
            expectFailure(FP_E_INVALID) { try fixture.store.remove(key) }
            expectFailure(FP_E_INVALID) { try fixture.store.copy(key, to: "x") }
            expectFailure(FP_E_INVALID) { try fixture.store.copy("k", to: key) }
            #expect(try key.isEmpty || fixture.store.keys(prefix: key) == [])
        }
        #expect(fixture.tree() == ["k"])
    }

    @Test("A FIFO or device in the place of an object is no object and holds nobody up")
    func specialFiles() throws {
        let fixture = try Fixture()
        mkfifo(fixture.path + "/fifo", 0o644)
        expectFailure(FP_E_NOT_FOUND) { try fixture.store.stat("fifo") }
        expectFailure(FP_E_NOT_FOUND) { try fixture.store.open("fifo") }
        #expect(try fixture.store.keys() == [])
    }
}
