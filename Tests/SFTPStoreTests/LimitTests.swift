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
        #expect(try store.health().state == FP_HEALTH_DEGRADED || store.health().free < 1 << 20)
        try store.remove("ballast")
        let again = try #require(try store.resume(writer.token).writer)
        #expect(again.offset < bytes.count)
        try again.write(Array(bytes[Int(again.offset)...]))
        try again.commit()
        #expect(try store.get("k") == bytes)
    }

    @Test("A file system that is mounted read-only can be read", .enabled(if: SmallDisk.isAllowed))
    func readOnly() throws {
        let disk = try SmallDisk(options: "size=4m")
        try fixture(on: disk).put("k", [1, 2, 3])
        try disk.remount("ro")
        let store = try fixture(on: disk)
        let health = try store.health(deep: true)
        #expect(health.state != FP_HEALTH_OK && !health.detail.isEmpty)
        #expect(try store.get("k") == [1, 2, 3])
        #expect(try store.keys() == ["k"])
        let failure = expectFailure(FP_E_DENIED) { try store.put("l", [1]) }
        #expect(failure?.message.isEmpty == false)
        #expect(try store.lookup("l") == nil)
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
        expectFailure(FP_E_DENIED) { try store.put("k", [1]) }
        #expect(try store.health().state == FP_HEALTH_DEGRADED)
        #expect(try store.keys() == [])
        // Half way: the root may be written, a directory in it not.
        chmod(directory.path, 0o777)
        try store.put("k", [1])
        mkdir("\(directory.path)/closed", 0o755)
        let writer = try store.begin("closed/k", flags: FP_W_RESUMABLE)
        try writer.write([1])
        expectFailure(FP_E_DENIED) { try writer.commit() }
        chmod("\(directory.path)/closed", 0o777)
        try writer.commit()
        #expect(try store.get("closed/k") == [1])
        // Giving a file away is for root alone.
        let giving = try TestStore(sftpStore, options.merging(["uid": "0", "gid": "0"]) { _, given in given })
        expectFailure(FP_E_DENIED) { try giving.put("mine", [1]) }
        #expect(try store.lookup("mine") == nil)
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
