import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("LocalStore: failures")
struct FailureTests {
    @Test("Each failure of the system has a code of its own, and carries its errno")
    func codes() throws {
        let expected: [(Int32, fp_status)] = [
            (ENOSPC, FP_E_NO_SPACE), (EDQUOT, FP_E_NO_SPACE), (EFBIG, FP_E_TOO_LARGE), (EIO, FP_E_TRANSIENT),
            (EROFS, FP_E_READ_ONLY), (EACCES, FP_E_DENIED), (ESTALE, FP_E_TRANSIENT), (ENOMEM, FP_E_NO_MEMORY),
        ]
        let fixture = try Fixture()
        for (number, status) in expected {
            let driver = try fixture.process()
            try driver.run("begin k 1")
            try driver.run("deny pwrite \(number)")
            let answer = try driver.run("write 10 1")
            guard case .error(status, number, 0, let message) = answer else {
                Issue.record("errno \(number) became \(answer)")
                continue
            }
            #expect(message.hasPrefix("writing \"k\": "))
        }
        for (number, status) in [(EMFILE, FP_E_TRANSIENT), (ENFILE, FP_E_TRANSIENT), (EROFS, FP_E_READ_ONLY)] {
            let driver = try fixture.process()
            try driver.run("deny create \(number)")
            #expect(try driver.run("begin k 1").status == status)
        }
        #expect(try fixture.store.keys() == [])
    }

    @Test("Without descriptors calls fail as transient, and nothing leaks")
    func descriptors() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/k", [1])
        let driver = try fixture.process()
        try driver.run("files 3")
        for command in ["stat a/k", "begin a/l 0", "begin a/l 1", "remove a/k", "copy a/k a/l 1"] {
            let answer = try driver.run(command)
            #expect(answer.status == FP_E_TRANSIENT, "\(command): \(answer)")
        }
        try driver.run("files 64")
        for _ in 0..<200 { #expect(try driver.run("copy a/k a/k/x 9").status == FP_E_EXISTS) }
        #expect(try driver.run("stat a/k") == .ok(["1"]))
    }

    @Test(
        "A full disk is said to be full, keeps what was accepted, and goes on when there is room",
        .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func fullDisk() throws {
        let disk = try SmallDisk(options: "size=1m")
        let store = try TestStore(localStore, ["location": disk.path])
        let chunk = Pattern.bytes(300_000)
        let writer = try store.begin("k", flags: FP_W_RESUMABLE)
        for _ in 0..<3 { try writer.write(chunk) }
        let failure = expectFailure(FP_E_NO_SPACE) { try writer.write(chunk) }
        #expect(failure?.errno == ENOSPC)
        expectFailure(FP_E_INVALID) { try writer.write([1]) }
        writer.close()
        expectFailure(FP_E_NO_SPACE) { try store.put("other", chunk) }
        let full = try store.health()
        #expect(full.state == FP_HEALTH_DEGRADED && full.limits == FP_HEALTH_NO_SPACE)
        try disk.remount("size=8m")
        #expect(try store.health(deep: true).state == FP_HEALTH_OK)
        let again = try #require(try store.resume(writer.token, at: 900_000).writer)
        try again.write(chunk)
        try again.commit()
        #expect(try store.get("k") == chunk + chunk + chunk + chunk)
    }

    @Test(
        "A disk without inodes is full as well", .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func noInodes() throws {
        let disk = try SmallDisk(options: "size=8m,nr_inodes=8")
        let store = try TestStore(localStore, ["location": disk.path])
        var refused = 0
        for index in 0..<20 {
            do throws(Failure) { try store.put("k\(index)", [1]) } catch {
                #expect(error.status == FP_E_NO_SPACE)
                refused += 1
            }
        }
        #expect(refused > 10)
        #expect(try store.keys().count == 20 - refused)
        #expect(try store.health().limits == FP_HEALTH_NO_SPACE)
    }

    @Test(
        "On a read-only disk reads work, and writes are told that nothing can be written",
        .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func readOnly() throws {
        let disk = try SmallDisk(options: "size=8m")
        let store = try TestStore(localStore, ["location": disk.path])
        try store.put("a/k", [1])
        try disk.remount("ro")
        #expect(try store.get("a/k") == [1])
        expectFailure(FP_E_READ_ONLY) { try store.put("l", [1]) }
        expectFailure(FP_E_READ_ONLY) { try store.begin("l", flags: FP_W_RESUMABLE) }
        expectFailure(FP_E_READ_ONLY) { try store.remove("a/k") }
        let health = try store.health()
        #expect(health.state == FP_HEALTH_DEGRADED && health.detail.contains("read-only"))
        #expect(health.limits == FP_HEALTH_CANNOT_WRITE)
    }

    @Test(
        "A user without rights is denied, and told what to check",
        .enabled(if: geteuid() == 0, "needs root to become another user"))
    func foreignUser() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/k", [1])
        chmod(fixture.path, 0o755)
        let driver = try fixture.process()
        try driver.run("user 65534")
        for command in ["begin l 0", "begin l 1", "remove a/k", "copy a/k l 1"] {
            guard case .error(FP_E_DENIED, EACCES, _, let message) = try driver.run(command) else {
                Issue.record("\(command) was not denied")
                continue
            }
            #expect(message.contains("check the owner and the mode of the location"))
        }
        #expect(try driver.run("stat a/k") == .ok(["1"]))
    }

    @Test("What a failed flush may have lost must come again, and is never published")
    func failedFlush() throws {
        let fixture = try Fixture()
        let driver = try fixture.process()
        let begun = try driver.run("begin k 1")
        try driver.run("write 1000 1")
        #expect(try driver.run("sync 1") == .ok(["1000"]))
        try driver.run("write 4000 1")
        try driver.run("deny fsync \(EIO)")
        #expect(try driver.run("commit 1").status == FP_E_TRANSIENT)
        #expect(try driver.run("commit 0").status == FP_E_CORRUPT)
        driver.kill()
        #expect(try fixture.store.resume(begun.token).writer?.offset == 1000)
        #expect(try fixture.store.keys() == [])
    }

    @Test("A commit whose directory cannot be flushed says that its outcome is unknown, and is found committed")
    func unknownOutcome() throws {
        let fixture = try Fixture()
        let driver = try fixture.process()
        let begun = try driver.run("begin k 1")
        try driver.run("write 1000 1")
        #expect(try driver.run("sync 1") == .ok(["1000"]))
        // The file has nothing left to flush, so that the first fsync to fail is the directory's.
        try driver.run("deny directory-fsync \(EIO)")
        guard case .error(FP_E_TRANSIENT, EIO, FP_ERRF_OUTCOME_UNKNOWN, _) = try driver.run("commit 1") else {
            Issue.record("the outcome was not unknown")
            return
        }
        #expect(try driver.run("commit 1").status == FP_E_INVALID)
        driver.kill()
        #expect(try fixture.store.resume(begun.token).writer == nil)
        #expect(try fixture.store.all(pending: true) == [])
    }
}
