import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("LocalStore: empty directories")
struct DirectoryTests {
    private func age(_ path: String, hours: Int = 2) {
        let then = timeval(tv_sec: time(nil) - hours * 3600, tv_usec: 0)
        utimes(path, [then, then])
    }

    @Test("A write that fails or is dropped leaves no directory behind")
    func failedWrites() throws {
        for (call, number) in [("linkat", EPERM), ("renameat2", EPERM), ("linkat", ENOSPC), ("mkdirat", ENOSPC)] {
            for flags in [0, FP_W_RESUMABLE] {
                let fixture = try Fixture()
                try fixture.store.put("kept/k", [1])
                let driver = try fixture.process()
                try driver.run("begin a/b/c \(flags)")
                try driver.run("write 10 1")
                try driver.run("deny \(call) \(number)")
                if try driver.run("commit 0").status != FP_OK {
                    #expect(fixture.directory.tree() == ["kept", "kept/k"], "\(call) \(flags)")
                }
                #expect(try driver.run("begin kept/b/c \(flags)").status == FP_OK)
                if try driver.run("commit 0").status != FP_OK {
                    #expect(try fixture.store.keys() == ["kept/k"])
                    #expect(access(fixture.path + "/kept/b", F_OK) != 0)
                }
            }
        }
    }

    @Test("What a kill left goes with the session, the remove that is repeated, or after an hour with a list")
    func leftovers() throws {
        let fixture = try Fixture(["directory_permissions_mode": "0750"])
        let path = fixture.path
        func make(_ name: String, _ mode: mode_t = 0o750) {
            mkdir(path + "/" + name, mode)
            chmod(path + "/" + name, mode)
        }
        let writer = try fixture.store.begin("session/k", flags: FP_W_RESUMABLE)
        make("session")
        writer.close()
        try fixture.store.discard(writer.token)
        make("removed")
        make("removed/deep")
        try fixture.store.remove("removed/deep/k")
        #expect(fixture.directory.tree() == [])

        try fixture.store.put("full/k", [1])
        for name in ["old", "old/older", "young", "others", "strange", "strange/file.d"] { make(name) }
        make("shared", 0o2770)
        chmod(path + "/others", 0o755)
        if geteuid() == 0 { chown(path + "/strange/file.d", 1234, 1234) }
        close(creat(path + "/strange/back\\slash", 0o644))
        for name in ["old/older", "old", "others", "strange/file.d", "strange", "shared", "full"] {
            age(path + "/" + name)
        }
        #expect(try fixture.store.keys() == ["full/k"])
        age(path + "/old")
        #expect(try fixture.store.keys() == ["full/k"])
        var left = ["full", "full/k", "others", "shared", "strange", "strange/back\\slash", "young"]
        if geteuid() == 0 { left.insert("strange/file.d", at: 6) }
        #expect(Set(fixture.directory.tree()) == Set(left))
    }
}
