import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: crashes")
struct CrashTests {
    /// The states that lie between the steps of a commit, made by hand: a kill seldom hits them.
    @Test("Each state between two steps of a commit is told for what it is")
    func betweenSteps() throws {
        let bytes = Pattern.bytes(1000)
        func begin(_ fixture: Fixture, _ key: String) throws -> (token: [UInt8], path: String) {
            let writer = try fixture.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write(bytes)
            writer.close()
            try waitUntil("the bytes are there") { fixture.staged().count == 2 }
            return (writer.token, fixture.path + "/" + (fixture.staged().first { !$0.hasSuffix(".m") } ?? ""))
        }
        // The commit began: it did not happen.
        var fixture = try Fixture()
        var (token, path) = try begin(fixture, "k")
        rename(path + ".m", path + ".c")
        let writer = try #require(try fixture.store.resume(token).writer)
        #expect(writer.offset == 1000)
        try writer.commit()
        #expect(try fixture.store.get("k") == bytes)

        // It gave the bytes their name, and they still have the old one, too.
        fixture = try Fixture()
        (token, path) = try begin(fixture, "k")
        rename(path + ".m", path + ".c")
        link(path, fixture.path + "/k")
        #expect(try fixture.store.resume(token).writer == nil)
        #expect(fixture.staged() == [])
        #expect(try fixture.store.get("k") == bytes)

        // Somebody else's object of the same size and time has the name.
        fixture = try Fixture()
        (token, path) = try begin(fixture, "k")
        rename(path + ".m", path + ".c")
        try writeFile(fixture.path + "/k", String(repeating: "x", count: 1000))
        var found = stat()
        stat(path, &found)
        let time = timeval(tv_sec: found.st_mtim.tv_sec, tv_usec: 0)
        utimes(fixture.path + "/k", [time, time])
        let again = try #require(try fixture.store.resume(token).writer)
        #expect(again.offset == 1000)
        expectFailure(FP_E_EXISTS) { try again.commit() }
        #expect(try fixture.store.get("k") == [UInt8](repeating: UInt8(ascii: "x"), count: 1000))

        // The bytes were taken away before a commit began: nothing is inferred from that.
        fixture = try Fixture()
        (token, path) = try begin(fixture, "k")
        rename(path, fixture.path + "/k")
        expectFailure(FP_E_GONE) { try fixture.store.resume(token) }

        // A drop was cut off after its first step.
        fixture = try Fixture()
        (token, path) = try begin(fixture, "k")
        unlink(path + ".m")
        expectFailure(FP_E_GONE) { try fixture.store.resume(token) }
        try waitUntil("the drop is finished") { fixture.staged() == [] }
    }
}
