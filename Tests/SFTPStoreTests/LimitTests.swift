import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: full and forbidden places")
struct LimitTests {
    private func fixture(on disk: SmallDisk, _ more: [String: String] = [:]) throws -> TestStore {
        try TestStore(sftpStore, sharedServer.options(more, root: disk.path))
    }

    @Test("A full disk is told as such, and the upload goes on once there is room", .enabled(if: SmallDisk.isAllowed))
    func fullDisk() throws {
        let disk = try SmallDisk(options: "size=4m")
        let store = try fixture(on: disk)
        try store.put("ballast", [UInt8](repeating: 1, count: 2 << 20))
        let bytes = Pattern.bytes(3 << 20)
        let writer = try store.begin("k", flags: FP_W_RESUMABLE)
        let failure = expectFailure(FP_E_NO_SPACE) {
            for place in stride(from: 0, to: bytes.count, by: 100_000) {
                try writer.write(Array(bytes[place..<min(place + 100_000, bytes.count)]))
            }
            try writer.sync()
        }
        #expect(failure?.message.contains("full") == true)
        writer.close()
        let full = try store.health()
        #expect(full.limits == FP_HEALTH_NO_SPACE || full.free < 1 << 20)
        try store.remove("ballast")
        let again = try #require(try store.resume(writer.token).writer)
        #expect(again.offset < bytes.count)
        try again.write(Array(bytes[Int(again.offset)...]))
        try again.commit()
        #expect(try store.get("k") == bytes)
    }

    @Test(
        "A file system that is mounted read-only can be read, and no key is blamed for the rest",
        .enabled(if: SmallDisk.isAllowed))
    func readOnly() throws {
        let disk = try SmallDisk(options: "size=4m")
        try fixture(on: disk).put("k", [1, 2, 3])
        try disk.remount("ro")
        let store = try fixture(on: disk)
        let health = try store.health(deep: true)
        #expect(health.state == FP_HEALTH_DEGRADED && health.limits == FP_HEALTH_CANNOT_WRITE)
        #expect(health.detail.contains("read-only"))
        #expect(try store.get("k") == [1, 2, 3])
        #expect(try store.keys() == ["k"])
        expectFailure(FP_E_READ_ONLY) { try store.put("l", [1]) }
        expectFailure(FP_E_READ_ONLY) { try store.begin("l", flags: FP_W_RESUMABLE) }
        expectFailure(FP_E_READ_ONLY) { try store.remove("k") }
        #expect(try store.lookup("l") == nil)
        try disk.remount("rw")
        #expect(try store.health().state == FP_HEALTH_OK)
        try store.put("l", [1])
    }

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

    @Test("A root_path that was there and is gone is no store without objects, and is not made again")
    func removedRoot() throws {
        let fixture = try Fixture()
        let store = fixture.store
        try store.put("a/k", [1])
        let writer = try store.begin("l", flags: FP_W_RESUMABLE)
        try writer.write([1])
        writer.close()
        let aside = "\(fixture.directory.path)/aside"
        rename(fixture.path, aside)
        expectFailure(FP_E_TRANSIENT) { try store.stat("a/k") }
        expectFailure(FP_E_TRANSIENT) { try store.open("a/k") }
        expectFailure(FP_E_TRANSIENT) { try store.keys() }
        expectFailure(FP_E_TRANSIENT) { try store.all(pending: true) }
        expectFailure(FP_E_TRANSIENT) { try store.resume(writer.token) }
        expectFailure(FP_E_TRANSIENT) { try store.remove("a/k") }
        expectFailure(FP_E_TRANSIENT) { try store.put("new", [1]) }
        let health = try store.health(deep: true)
        #expect(health.state == FP_HEALTH_DOWN && health.detail.contains("is gone from"))
        #expect(access(fixture.path, F_OK) != 0, "it was made again")
        rename(aside, fixture.path)
        #expect(try store.health().state == FP_HEALTH_OK)
        #expect(try store.get("a/k") == [1])
        #expect(try store.resume(writer.token).writer?.offset == 1)
    }

    @Test("A directory that is a symbolic link is refused for good, with the outcome known, by every slot")
    func linkedDirectory() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        try fixture.store.put("k", [1])
        symlink(fixture.directory.path, fixture.path + "/linked")
        for flags in [0, FP_W_RESUMABLE] {
            let writer = try fixture.store.begin("linked/k", flags: flags)
            try writer.write([1])
            for _ in 0..<2 { #expect(expectFailure(FP_E_DENIED) { try writer.commit() }?.outcomeUnknown == false) }
            try writer.abort()
        }
        let failure = expectFailure(FP_E_DENIED) { try fixture.store.copy("k", to: "linked/k", flags: FP_COPY_MOVE) }
        #expect(failure?.outcomeUnknown == false)
        #expect(try fixture.store.health(deep: true).state == FP_HEALTH_OK)
    }

    @Test("What a killed write left behind goes with its session, with the remove that is repeated, or after a day")
    func emptyDirectories() throws {
        let fixture = try Fixture()
        let path = fixture.path
        let writer = try fixture.store.begin("a/b/k", flags: FP_W_RESUMABLE)
        writer.close()
        let name = try #require(fixture.staged.first { $0.hasSuffix(".m") })
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
        // A commit that fails takes back what it made.
        let taken = try fixture.store.begin("x/y/k", flags: FP_W_RESUMABLE)
        try taken.write([1])
        expectFailure(FP_E_INVALID) { try taken.commit(size: 7) }
        expectFailure(FP_E_EXISTS) { try fixture.store.put("full/k/deeper", [1]) }
        #expect(fixture.tree() == ["full", "full/k", "others", "young"])
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

    @Test("Only one of many writers gets a key")
    func race() throws {
        let fixture = try Fixture()
        let stores = try (0..<3).map { _ in try fixture.another() }
        for round in 0..<5 {
            let wins = Collected<Int>()
            onThreads(12) { index in
                let flags = FP_W_IF_NOT_EXISTS | (index % 2 == 0 ? FP_W_RESUMABLE : 0)
                if (try? stores[index % 3].put("race/\(round)", [UInt8(index)], flags: flags)) != nil {
                    wins.add(index)
                }
            }
            #expect(wins.all.count == 1)
            #expect(try fixture.store.get("race/\(round)") == wins.all.map { UInt8($0) })
        }
    }
}
