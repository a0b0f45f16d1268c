import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("LocalStore: failures")
struct FailureTests {
    @Test("Each failure of the system has a code of its own, and carries its errno")
    func codes() throws {
        let expected: [(Int32, fp_status)] = [
            (ENOSPC, FP_E_NO_SPACE), (EDQUOT, FP_E_NO_SPACE), (EFBIG, FP_E_TOO_LARGE), (EIO, FP_E_TRANSIENT),
            (EROFS, FP_E_READ_ONLY), (EACCES, FP_E_READ_ONLY), (EPERM, FP_E_READ_ONLY), (EOVERFLOW, FP_E_TOO_LARGE),
            (ESTALE, FP_E_TRANSIENT), (ENOMEM, FP_E_NO_MEMORY),
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

    /// Each of them permanent: the next key may do well.
    private static let answers: [(Int32, fp_status)] = [
        (EILSEQ, FP_E_INVALID), (EINVAL, FP_E_INVALID), (ENAMETOOLONG, FP_E_INVALID), (ELOOP, FP_E_DENIED),
        (EPERM, FP_E_DENIED), (EACCES, FP_E_DENIED), (EROFS, FP_E_DENIED), (EBUSY, FP_E_DENIED), (EMLINK, FP_E_DENIED),
    ]

    @Test("What the system says about one key is an answer for that key, and never a sick store")
    func oneKey() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/k", [1])
        for (number, status) in Self.answers {
            for call in ["linkat", "mkdirat"] {
                let driver = try fixture.process()
                try driver.run("begin new/k 0")
                try driver.run("write 1 1")
                try driver.run("deny \(call) \(number)")
                let answer = try driver.run("commit 0")
                guard case .error(status, number, 0, let message) = answer else {
                    Issue.record("\(call) with errno \(number) became \(answer)")
                    continue
                }
                #expect(message.contains("new"))
                #expect(try driver.run("health 1") == .ok(["0", "0"]))
            }
            for (call, command) in [("renameat2", "commit 0"), ("unlinkat", "remove a/k"), ("openat2", "stat a/k")] {
                // What a file system that cannot rename without replacing says is no refusal.
                if call == "renameat2", number == EINVAL { continue }
                let driver = try fixture.process()
                try driver.run("begin new/k 1")
                try driver.run("deny \(call) \(number)")
                let answer = try driver.run(command)
                let isRead = call == "openat2" && number == EROFS
                guard case .error(isRead ? FP_E_READ_ONLY : status, number, 0, _) = answer else {
                    Issue.record("\(call) with errno \(number) became \(answer)")
                    continue
                }
                driver.kill()
            }
        }
        for number in [ENOENT, ENOTDIR] {
            let driver = try fixture.process()
            try driver.run("deny openat2 \(number)")
            #expect(try driver.run("stat a/k").status == FP_E_NOT_FOUND)
        }
        for number in [EIO, ESTALE, ENODEV, ENOTCONN, ETIMEDOUT] {
            let driver = try fixture.process()
            try driver.run("deny openat2 \(number)")
            #expect(try driver.run("stat a/k").status == FP_E_TRANSIENT)
        }
        #expect(try fixture.store.keys() == ["a/k"])
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
        "A disk without inodes is full as well", .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func noInodes() throws {
        let disk = try SmallDisk(options: "size=8m,nr_inodes=8")
        let store = try TestStore(localStore, ["location": disk.path])
        var refused = 0
        for index in 0..<20 {
            guard let refusal = failure(of: { try store.put("k\(index)", [1]) }) else { continue }
            #expect(refusal.status == FP_E_NO_SPACE)
            refused += 1
        }
        #expect(refused > 10)
        #expect(try store.keys().count == 20 - refused)
        for deep in [true, false] {
            let health = try store.health(deep: deep)
            #expect(health.state == FP_HEALTH_DEGRADED && health.limits == FP_HEALTH_NO_SPACE)
        }
    }

    @Test(
        "Where the user may write nothing, the store says so, and not that a path is denied",
        .enabled(if: geteuid() == 0, "needs root to become another user"))
    func foreignUser() throws {
        let fixture = try Fixture()
        try fixture.store.put("a/k", [1])
        chmod(fixture.path, 0o755)
        let driver = try fixture.process()
        try driver.run("user 65534")
        for command in ["begin l 0", "begin l 1", "remove a/k", "copy a/k l 1"] {
            guard case .error(FP_E_READ_ONLY, EACCES, _, let message) = try driver.run(command) else {
                Issue.record("\(command) was not refused")
                continue
            }
            #expect(message.contains("may not write to \(fixture.path); check its owner and mode"))
        }
        #expect(try driver.run("stat a/k") == .ok(["1"]))
        let degraded = StoreProcess.Answer.ok(["\(FP_HEALTH_DEGRADED)", "\(FP_HEALTH_CANNOT_WRITE)"])
        for flags in 0...1 { #expect(try driver.run("health \(flags)") == degraded) }
        // The location may be written, but not what is staged in it: the same.
        chmod(fixture.path, 0o777)
        mkdir(fixture.path + "/.fp", 0o755)
        #expect(try driver.run("begin l 1").status == FP_E_READ_ONLY)
        for flags in 0...1 { #expect(try driver.run("health \(flags)") == degraded) }
        chmod(fixture.path + "/.fp", 0o777)
        for flags in 0...1 { #expect(try driver.run("health \(flags)") == .ok(["0", "0"])) }
        // One directory in it that belongs to somebody else: a matter of the keys in it.
        try driver.run("begin a/l 0")
        guard case .error(FP_E_DENIED, EACCES, _, let message) = try driver.run("commit 0") else {
            Issue.record("the key was not denied")
            return
        }
        #expect(message.contains("directories on the way"))
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

    @Test("A directory that is marked as immutable makes the store one that cannot be written")
    func immutable() throws {
        let fixture = try Fixture()
        try fixture.store.put("k", [1])
        guard runTool(["chattr", "+i", fixture.path]).status == 0 else { return }
        defer { _ = runTool(["chattr", "-i", fixture.path]) }
        expectFailure(FP_E_READ_ONLY) { try fixture.store.put("l", [1]) }
        expectFailure(FP_E_READ_ONLY) { try fixture.store.remove("k") }
        #expect(try fixture.store.health().limits == FP_HEALTH_CANNOT_WRITE)
        _ = runTool(["chattr", "-i", fixture.path])
        #expect(try fixture.store.health().state == FP_HEALTH_OK)
    }

    @Test("A location that was moved away works on, and health tells that it is gone")
    func movedLocation() throws {
        let fixture = try Fixture()
        let location = fixture.path + "/location"
        let store = try fixture.another(["location": location])
        try store.put("a/k", [1])
        rename(location, fixture.path + "/aside")
        // What happens above it is no matter.
        #expect(try store.get("a/k") == [1])
        let moved = try store.health(deep: true)
        #expect(
            moved.state == FP_HEALTH_DEGRADED && moved.limits == FP_HEALTH_CANNOT_WRITE
                && moved.detail.contains("is gone"))
        mkdir(location, 0o755)
        #expect(try store.health().detail.contains("is another directory"))
        rmdir(location)
        rename(fixture.path + "/aside", location)
        #expect(try store.health().state == FP_HEALTH_OK)
        // Removed for good, nor does dropping a session succeed.
        let writer = try store.begin("l", flags: FP_W_RESUMABLE)
        writer.close()
        _ = runTool(["rm", "-rf", location])
        expectFailure(FP_E_TRANSIENT) { try store.discard(writer.token) }
        mkdir(location, 0o755)
        #expect(try store.keys() == [])
        try store.put("new", [1])
    }
}
