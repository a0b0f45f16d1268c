import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: copies and moves")
struct CopyTests {
    private let bytes = Pattern.bytes(300_000)

    @Test("A move to a name that must be free has two steps, and says so")
    func movingToFreeName() throws {
        let fixture = try Fixture()
        let before = try fixture.store.put("a/from", bytes)
        let flags = FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS
        expectFailure(FP_E_UNSUPPORTED) {
            try fixture.store.copy("a/from", to: "to", flags: flags | FP_COPY_REQUIRE_ATOMIC)
        }
        #expect(try fixture.store.keys() == ["a/from"])
        let moved = try fixture.store.copy("a/from", to: "to", flags: flags)
        #expect(moved.flags == 0)
        #expect(moved.info == before)
        #expect(try fixture.store.get("to") == bytes)
        try waitUntil("empty directories go") { fixture.tree() == ["to"] }
    }

    @Test("A copy takes no bytes through this machine, but not from another server")
    func copying() throws {
        for options in [[:], ["allow_overwrite": "true"]] {
            let fixture = try Fixture(options)
            try fixture.store.put("from", bytes)
            #expect(try fixture.store.copy("from", to: "a/to").flags == FP_COPYR_ATOMIC)
            #expect(fixture.store.caps.flags & FP_CAP_COPY != 0)
            let elsewhere = try TestStore(sftpStore, try SSHServer().options(root: fixture.path))
            expectFailure(FP_E_UNSUPPORTED) { try elsewhere.copy("from", to: "o", from: fixture.store) }
        }
    }
}
