import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// What servers in the field do that OpenSSH's does not.
@Suite("SFTPStore: habits of other servers")
struct HabitTests {
    private let password = ["password": OtherServer.password]

    @Test("A reply with fewer bytes than were asked for is no end")
    func shortReads() throws {
        let store = try OtherServerStore(habits: ["short-reads"], password)
        let bytes = Pattern.bytes(150_000)
        try store.store.put("k", bytes, flags: FP_W_RESUMABLE)
        #expect(try store.store.get("k") == bytes)
        #expect(try store.store.open("k", offset: 149_000).rest() == Array(bytes[149_000...]))
        let writer = try store.store.begin("l", flags: FP_W_RESUMABLE)
        try writer.write(bytes)
        writer.close()
        #expect(try store.store.all(pending: true).map(\.key) == ["l"])
        #expect(try store.store.health(deep: true).state == FP_HEALTH_OK)
    }

    @Test(
        "lsh's server, whose replies are short, can be used",
        .enabled(if: access("/usr/lib/lsh-server/sftp-server", X_OK) == 0, "lsh-server is not installed"))
    func lsh() throws {
        let server = try SSHServer(sftp: "/usr/lib/lsh-server/sftp-server")
        let fixture = try Fixture(on: server)
        let bytes = Pattern.bytes(300_000)
        try fixture.store.put("k", bytes)
        #expect(try fixture.store.get("k") == bytes)
        #expect(fixture.store.caps.flags & FP_CAP_SPACE == 0)
    }

    @Test("A name that a server refuses without saying why is an answer for that name, and the store is well")
    func oneName() throws {
        let other = try OtherServerStore(habits: ["ascii"], password)
        let store = other.store
        try store.put("plain", [1])
        // So that the way to the second name is there, up to what is refused.
        try store.put("a/plain", [1])
        for key in ["\u{1F600}.png", "a/\u{1F600}/b.png", "é"] {
            for flags in [0, FP_W_RESUMABLE] {
                let writer = try store.begin(key, flags: flags)
                try writer.write([1])
                let failure = expectFailure(FP_E_DENIED) { try writer.commit() }
                #expect(failure?.message.contains("the server works otherwise") == true)
                #expect(failure?.outcomeUnknown == false)
                try writer.abort()
            }
            expectFailure(FP_E_DENIED) { try store.stat(key) }
            expectFailure(FP_E_DENIED) { try store.open(key) }
            expectFailure(FP_E_DENIED) { try store.remove(key) }
            expectFailure(FP_E_DENIED) { try store.copy("plain", to: key, flags: FP_COPY_MOVE) }
        }
        #expect(try store.health(deep: true).state == FP_HEALTH_OK)
        #expect(try store.keys() == ["a/plain", "plain"])
    }

    @Test("A server that fails for everything is a sick one, and no name is blamed")
    func sick() throws {
        let other = try OtherServerStore(habits: ["sick"], password)
        let store = other.store
        try store.put("k", [1])
        let writer = try store.begin("l")
        try writer.write([1])
        close(creat("\(other.server.directory.path)/sick", 0o644))
        expectFailure(FP_E_TRANSIENT) { try store.stat("k") }
        expectFailure(FP_E_TRANSIENT) { try store.remove("k") }
        expectFailure(FP_E_TRANSIENT) { try store.begin("m") }
        expectFailure(FP_E_TRANSIENT) { try writer.commit() }
        unlink("\(other.server.directory.path)/sick")
        try writer.commit()
        #expect(try store.keys() == ["k", "l"])
    }

    @Test("What answers in place of an SFTP server is shown, with what to do")
    func noSFTP() throws {
        let chatty = try Fixture(
            on: SSHServer(sftp: "echo Welcome, dear user; exec /usr/lib/openssh/sftp-server"))
        let text = expectFailure(FP_E_CONFIG) { try chatty.store.health() }?.message ?? ""
        #expect(
            text.contains("\"Welcome, dear user") && text.contains("login script") && text.contains("internal-sftp"))
        let missing = try Fixture(on: SSHServer(sftp: "/nonexistent/sftp-server"))
        let ended = expectFailure(FP_E_TRANSIENT) { try missing.store.health() }?.message ?? ""
        #expect(ended.contains("subsystem \"sftp\" may be missing"), "\(ended)")
        let without = try OtherServerStore(habits: ["no-sftp"], password)
        let none = expectFailure(FP_E_CONFIG) { try without.store.health() }?.message ?? ""
        #expect(none.contains("has no SFTP for tester") && none.contains("enable its subsystem"), "\(none)")
        let line = try Line()
        defer { line.end() }
        line.proxy.set { $0.cutAfterDown = 0 }
        let hungUp = expectFailure(FP_E_TRANSIENT) { try line.store.health() }?.message ?? ""
        #expect(hungUp.contains("MaxStartups") && hungUp.contains("`max_connections`"), "\(hungUp)")
    }
}

/// A store on a server that is made up, which lives as long.
private struct OtherServerStore {
    let server: OtherServer
    let store: TestStore

    init(habits: [String], _ options: [String: String]) throws {
        server = try OtherServer("password", habits: habits)
        store = try server.store(options)
    }
}
