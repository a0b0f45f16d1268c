import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: full and forbidden places")
struct LimitTests {
    @Test("An upload for root_path that another user may not write fails in words", .enabled(if: geteuid() == 0))
    func denied() throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        chmod(sharedServer.directory.path, 0o755)
        let server = try SSHServer()
        chmod(server.directory.path, 0o755)
        let options = server.options(["username": "nobody"], root: directory.path)
        let store = try TestStore(sftpStore, options)
        expectFailure(FP_E_READ_ONLY) { try store.put("k", [1]) }
        for deep in [true, false] {
            let health = try store.health(deep: deep)
            #expect(health.state == FP_HEALTH_DEGRADED && health.limits == FP_HEALTH_CANNOT_WRITE)
        }
        #expect(try store.keys() == [])
        // Half way: the root may be written, a directory in it not.
        chmod(directory.path, 0o777)
        #expect(try store.health().limits == 0)
        try store.put("k", [1])
        // What it could write it can no more.
        chmod(directory.path, 0o755)
        expectFailure(FP_E_READ_ONLY) { try store.put("l", [1]) }
        expectFailure(FP_E_READ_ONLY) { try store.remove("k") }
        #expect(try store.health().limits == FP_HEALTH_CANNOT_WRITE)
        chmod(directory.path, 0o777)
        #expect(try store.health().state == FP_HEALTH_OK)
        mkdir("\(directory.path)/closed", 0o755)
        let writer = try store.begin("closed/k", flags: FP_W_RESUMABLE)
        try writer.write([1])
        expectFailure(FP_E_DENIED) { try writer.commit() }
        chmod("\(directory.path)/closed", 0o777)
        try writer.commit()
        #expect(try store.get("closed/k") == [1])
        // Giving a file away is for root alone.
        let giving = try TestStore(sftpStore, options.merging(["uid": "0", "gid": "0"]) { _, given in given })
        #expect(expectFailure(FP_E_CONFIG) { try giving.put("mine", [1]) }?.message.contains("`uid`") == true)
        #expect(try store.lookup("mine") == nil)
    }

    @Test("What a killed write left behind goes with its session, with the remove that is repeated, or after a day")
    func emptyDirectories() throws {
        let fixture = try Fixture()
        let path = fixture.path
        let writer = try fixture.store.begin("a/b/k", flags: FP_W_RESUMABLE)
        writer.close()
        let name = try #require(fixture.staged().first { $0.hasSuffix(".m") })
        rename("\(path)/\(name)", "\(path)/\(name.dropLast(2)).c")
        for made in ["a", "a/b", "c", "c/d"] { mkdir("\(path)/\(made)", 0o755) }
        try fixture.store.discard(writer.token)
        try fixture.store.remove("c/d/k")
        try waitUntil("they are gone") { fixture.tree() == [] }

        try fixture.store.put("full/k", [1])
        for made in ["old", "young", "others"] { mkdir("\(path)/\(made)", 0o755) }
        chmod("\(path)/others", 0o2775)
        let then = timeval(tv_sec: time(nil) - 2 * 86400, tv_usec: 0)
        for made in ["old", "others", "full"] { utimes("\(path)/\(made)", [then, then]) }
        #expect(try fixture.store.keys() == ["full/k"])
        try waitUntil("it is gone") { fixture.tree() == ["full", "full/k", "others", "young"] }
    }

    @Test("Owner, group and modes are as configured", .enabled(if: geteuid() == 0))
    func owners() throws {
        let fixture = try Fixture(["uid": "1234", "gid": "5678", "file_mode": "0640", "dir_mode": "2750"])
        try fixture.store.put("a/b", [1])
        for (name, mode) in [("a", 0o2750), ("a/b", 0o640)] {
            var found = stat()
            lstat("\(fixture.path)/\(name)", &found)
            #expect(found.st_uid == 1234 && found.st_gid == 5678 && Int(found.st_mode & 0o7777) == mode)
        }
    }

    @Test("A server that locks its users in a directory works", .enabled(if: geteuid() == 0))
    func chrooted() throws {
        let jail = try TemporaryDirectory(in: "/run")
        chmod(jail.path, 0o755)
        mkdir("\(jail.path)/files", 0o777)
        let server = try SSHServer(["ChrootDirectory \(jail.path)", "ForceCommand internal-sftp"])
        let store = try TestStore(sftpStore, server.options(root: "/files"))
        let bytes = Pattern.bytes(500_000)
        try store.put("a/k", bytes, flags: FP_W_RESUMABLE)
        #expect(try store.get("a/k") == bytes)
        #expect(access("\(jail.path)/files/a/k", F_OK) == 0)
    }

    @Test("root_path is made where it is missing, and may be below where the server starts")
    func roots() throws {
        let fixture = try Fixture()
        let store = try fixture.another(["root_path": "\(fixture.path)/not/yet/there"])
        #expect(try store.keys() == [])
        #expect(try store.lookup("k") == nil)
        try store.put("k", [1])
        #expect(try store.keys() == ["k"])
        symlink("\(fixture.path)/not", "\(fixture.path)/short")
        let linked = try fixture.another(["root_path": "\(fixture.path)/short/yet/there/"])
        #expect(try linked.keys() == ["k"])
        let file = try fixture.another(["root_path": "\(fixture.path)/not/yet/there/k"])
        #expect(try file.health().state == FP_HEALTH_DOWN)
    }
}
