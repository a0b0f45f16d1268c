import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// What older kernels, network file systems and sandboxes lack is taken away by a filter on system calls.
@Suite("LocalStore: file systems that can do less")
struct FallbackTests {
    static let lacking: [[String: Int32]] = [
        ["openat2": ENOSYS], ["openat2": EPERM], ["tmpfile": EOPNOTSUPP], ["rename-no-replace": EINVAL],
        ["fsetxattr": EOPNOTSUPP], ["fsetxattr": EOPNOTSUPP, "statx": ENOSYS],
        ["copy_file_range": ENOSYS], ["copy_file_range": EXDEV],
        ["tmpfile": EISDIR, "rename-no-replace": ENOSYS, "fsetxattr": ENOTSUP, "copy_file_range": EINVAL],
    ]

    @Test("Everything works without it", arguments: lacking)
    func works(lacking: [String: Int32]) throws {
        let fixture = try Fixture()
        var options = ["allow_overwrite": "true"]
        for (call, number) in lacking { options["deny:" + call] = String(number) }
        let driver = try fixture.process(options)
        // One-shot: new, taken, replacing.
        for (key, flags, status) in [
            ("a/one", FP_W_IF_NOT_EXISTS, FP_OK), ("a/one", FP_W_IF_NOT_EXISTS, FP_E_EXISTS), ("a/one", 0, FP_OK),
            ("a/two", FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, FP_OK),
            ("a/two", FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, FP_E_EXISTS), ("a/two", FP_W_RESUMABLE, FP_OK),
        ] {
            let begun = try driver.run("begin \(key) \(flags)")
            #expect(try driver.run("write 70000 \(flags)") == .ok(["70000"]))
            if flags & FP_W_RESUMABLE != 0 {
                try driver.run("sync 1")
                try driver.run("close")
                #expect(try driver.run("resume \(begun.words.first ?? "") 69000") == .ok(["open", "69000"]))
                #expect(try driver.run("write 1000 \(flags)") == .ok(["70000"]))
            }
            let answer = try driver.run("commit 1")
            #expect(answer.status == status, "\(key) \(flags): \(answer)")
            if answer.status != FP_OK { try driver.run("abort") }
            try driver.run("close")
            guard flags & FP_W_RESUMABLE != 0 else { continue }
            let provable = lacking["statx"] == nil
            let again = try driver.run("resume \(begun.words.first ?? "") -1")
            if status == FP_OK, provable {
                #expect(again == .ok(["committed"]))
            } else {
                #expect(again.status == FP_E_GONE)
            }
        }
        #expect(try fixture.store.get("a/one") == Pattern.bytes(70_000, seed: 0))
        #expect(try fixture.store.get("a/two") == Pattern.bytes(70_000, seed: UInt64(FP_W_RESUMABLE)))
        #expect(try driver.run("copy a/one b/three \(FP_COPY_ALLOW_STREAM)").status == FP_OK)
        #expect(try driver.run("copy a/two b/four \(FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS)").status == FP_OK)
        #expect(try driver.run("copy a/one b/four \(FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS)").status == FP_E_EXISTS)
        #expect(try fixture.store.get("b/three") == Pattern.bytes(70_000, seed: 0))
        #expect(try driver.run("remove b/four") == .ok([]))
        #expect(try fixture.store.keys() == ["a/one", "b/three"])
        #expect(try fixture.store.all(pending: true) == [])
    }

    @Test("A SIGKILL between the two steps of a commit without rename is finished by the next resume")
    func halfCommitted() throws {
        let fixture = try Fixture()
        let driver = try fixture.process()
        let begun = try driver.run("begin a/k \(FP_W_RESUMABLE)")
        try driver.run("write 5000 1")
        try driver.run("deny rename-no-replace \(EINVAL)")
        // The second step fails, as if the process had ended before it.
        try driver.run("deny unlinkat \(EIO)")
        #expect(try driver.run("commit 0") == .ok(["5000"]))
        driver.kill()
        #expect(fixture.directory.tree(withPrivate: true).filter { $0.hasPrefix(".fp/w/") }.count == 2)
        #expect(try fixture.store.resume(begun.token).writer == nil)
        #expect(fixture.directory.tree(withPrivate: true) == [".fp", ".fp/w", "a", "a/k"])
        #expect(try fixture.store.get("a/k") == Pattern.bytes(5000, seed: 1))
    }

    @Test("A SIGKILL during a one-shot put leaves what a list of sessions shows, and with O_TMPFILE nothing at all")
    func killedDuringPut() throws {
        for deny in ["", "tmpfile"] {
            let fixture = try Fixture()
            let driver = try fixture.process()
            if !deny.isEmpty { try driver.run("deny \(deny) \(EOPNOTSUPP)") }
            try driver.run("begin d/k 0")
            try driver.send("pour 4096 1")
            for _ in 0..<5 { _ = try driver.answer() }
            driver.kill()
            #expect(try fixture.store.all(pending: true).map(\.key) == (deny.isEmpty ? [] : ["d/k"]))
            try fixture.expectNoLitter()
        }
    }
}
