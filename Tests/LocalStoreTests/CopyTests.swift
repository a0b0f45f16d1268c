import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("LocalStore: copies and moves")
struct CopyTests {
    private let bytes = Pattern.bytes(300_000)

    @Test("A copy shares blocks where the file system can, and passes bytes only if it may")
    func copying() throws {
        let fixture = try Fixture()
        try fixture.store.put("from", bytes)
        let shares = fixture.store.caps.flags & FP_CAP_COPY != 0
        if !shares {
            expectFailure(FP_E_UNSUPPORTED) { try fixture.store.copy("from", to: "a/to") }
            #expect(fixture.directory.tree(withPrivate: true) == ["from"])
        }
        let copied = try fixture.store.copy("from", to: "a/to", flags: FP_COPY_ALLOW_STREAM)
        #expect(copied.flags == FP_COPYR_ATOMIC | (shares ? 0 : FP_COPYR_STREAMED))
        #expect(try fixture.store.stat("from").etag != copied.info.etag)
    }

    @Test(
        "Between file systems a move is left to the host, without effect",
        .enabled(if: access("/dev/shm", W_OK) == 0, "needs a second file system at /dev/shm"))
    func acrossFileSystems() throws {
        let one = try Fixture()
        let two = try Fixture(in: "/dev/shm")
        try one.store.put("k", bytes)
        expectFailure(FP_E_UNSUPPORTED) {
            try two.store.copy("k", to: "a/k", flags: FP_COPY_MOVE | FP_COPY_ALLOW_STREAM, from: one.store)
        }
        #expect(try two.store.keys() == [])
        #expect(try one.store.get("k") == bytes)
        let copied = try two.store.copy("k", to: "a/k", flags: FP_COPY_ALLOW_STREAM, from: one.store)
        #expect(copied.flags & FP_COPYR_STREAMED != 0)
        #expect(try two.store.get("a/k") == bytes)
    }
}
