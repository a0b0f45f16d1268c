import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// What other servers than OpenSSH's do, which Tests/Servers/sftp-filter.py makes of OpenSSH's.
@Suite("SFTPStore: other servers")
struct OtherServersTests {
    @Test("Answers shorter than what was asked for are no end: of an object, of an upload's record or of a range")
    func shortReads() throws {
        let fixture = try Fixture(on: try server("short-reads"))
        let store = fixture.store
        let bytes = Pattern.bytes(200_000)
        try store.put("a", bytes)
        #expect(try store.get("a") == bytes)
        #expect(try store.open("a", offset: 1_000, length: 5_000).rest() == Array(bytes[1_000..<6_000]))
        #expect(try store.health(deep: true).state == FP_HEALTH_OK)
        // Its record is longer than one answer.
        let key = (0..<5).map { "\($0)" + String(repeating: "k", count: 180) }.joined(separator: "/")
        let writer = try store.begin(key, flags: FP_W_RESUMABLE)
        try writer.write(bytes)
        try writer.sync()
        writer.close()
        #expect(try store.all(pending: true).map(\.key) == [key])
        let other = try fixture.another()
        let second = try #require(try other.resume(writer.token).writer)
        try second.commit()
        second.close()
        #expect(try fixture.another().resume(writer.token).writer == nil)
        #expect(try store.get(key) == bytes)
    }

    @Test("A server that answers a small request with the whole file is not asked for little, nor believed too much")
    func wholeReads() throws {
        let fixture = try Fixture(on: try server("whole-reads,no-extensions"))
        let bytes = Pattern.bytes(300_000)
        try fixture.store.put("a", bytes)
        #expect(try fixture.store.get("a") == bytes)
        for (offset, length) in [(0, 1), (7, 100), (65_535, 2), (299_999, 1), (100_000, 70_000)] {
            let reader = try fixture.store.open("a", offset: UInt64(offset), length: UInt64(length))
            #expect(try reader.rest() == Array(bytes[offset..<offset + length]))
        }
        // What sends more than it was asked for all the same is cut.
        let announcing = try Fixture(on: try server("whole-reads"))
        try announcing.store.put("a", bytes)
        #expect(try announcing.store.open("a", offset: 10, length: 20).rest() == Array(bytes[10..<30]))
    }

    @Test(
        "Free space is declared only by what a server tells, and noughts are no full disk", arguments: ["no", "zero"])
    func space(quirk: String) throws {
        let fixture = try Fixture(on: try server("\(quirk)-space"))
        let health = try fixture.store.health(deep: true)
        #expect(health.state == FP_HEALTH_OK, "\(health.detail)")
        #expect(health.free == FP_SIZE_UNKNOWN)
        #expect(fixture.store.caps.flags & FP_CAP_SPACE == 0)
        try fixture.store.put("a", [1])
    }

    @Test("Without copy-data an object is copied over another by a link, which leaves the source as it is")
    func copies() throws {
        let fixture = try Fixture(["allow_overwrite": "true"], on: try server("no-copy"))
        let store = fixture.store
        _ = try store.health()
        #expect(store.caps.flags & FP_CAP_COPY != 0)
        try store.put("a", [1, 2, 3])
        try store.put("b", [4, 5, 6, 7])
        let source = try store.stat("a")
        let old = try store.stat("b")
        for _ in 0..<2 {
            try store.copy("a", to: "b")
            #expect(try store.get("b") == [1, 2, 3])
        }
        #expect(try store.stat("b").etag != old.etag)
        #expect(try store.get("a") == [1, 2, 3])
        #expect(source.size == 3)
        try store.copy("a", to: "deep/er/c")
        try store.put("a", [9])
        #expect(try store.get("b") == [1, 2, 3])
        #expect(try store.get("deep/er/c") == [1, 2, 3])
        try waitUntil("nothing is left of it") { fixture.staged() == [] }
    }

    @Test("Two contents never share a tag, though the server sets no times")
    func times() throws {
        let fixture = try Fixture(["allow_overwrite": "true"], on: try server("no-times"))
        var tags: Set<String> = []
        for round in 0..<3 {
            try fixture.store.put("a", [7, UInt8(round)])
            tags.insert(try fixture.store.stat("a").etag)
            #expect(try fixture.store.get("a") == [7, UInt8(round)])
        }
        #expect(tags.count == 3)
    }

    @Test("A server that cuts no files still has its uploads gone on with, but not taken back")
    func cuts() throws {
        let fixture = try Fixture(on: try server("no-cuts"))
        let store = fixture.store
        #expect(try store.health().state == FP_HEALTH_DEGRADED)
        #expect(store.caps.flags & FP_CAP_REWIND == 0)
        let bytes = Pattern.bytes(5_000)
        let writer = try store.begin("a", flags: FP_W_RESUMABLE)
        try writer.write(Array(bytes[..<3_000]))
        try writer.sync()
        writer.close()
        expectFailure(FP_E_UNSUPPORTED) { try store.resume(writer.token, at: 1_000) }
        let second = try #require(try fixture.another().resume(writer.token).writer)
        #expect(second.offset == 3_000)
        try second.write(Array(bytes[3_000...]))
        try second.commit()
        second.close()
        #expect(try store.get("a") == bytes)
    }

    @Test("A listing may end with a list of no names", .timeLimit(.minutes(2)))
    func listings() throws {
        let fixture = try Fixture(on: try server("empty-end"))
        let keys = (0..<250).map { "d/\(1000 + $0)" }
        mkdir("\(fixture.path)/d", 0o755)
        for key in keys { try writeFile("\(fixture.path)/\(key)", key) }
        #expect(try fixture.store.keys() == keys)
    }

    @Test("Old uploads are listed and kept, however few files the server opens at once")
    func manySessions() throws {
        let fixture = try Fixture(on: try server("few-files"))
        let store = fixture.store
        let tokens = try (0..<60).map { index in
            let writer = try store.begin("k\(index)", flags: FP_W_RESUMABLE)
            defer { writer.close() }
            try writer.write([UInt8(index)])
            try writer.sync()
            return writer.token
        }
        for name in fixture.everything where name.hasPrefix(".fp/w/") {
            let old = timeval(tv_sec: time(nil) - 3 * 86400, tv_usec: 0)
            utimes("\(fixture.path)/\(name)", [old, old])
        }
        for _ in 0..<2 { #expect(try store.all(pending: true).count == 60) }
        for token in tokens { #expect(try store.resume(token).writer?.offset == 1) }
    }
}

/// The program that serves SFTP; internal-sftp is the same within sshd.
private let sftpServer: String = {
    let places = ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server"]
    return places.first { (place: String) in access(place, X_OK) == 0 } ?? "sftp-server"
}()

private func server(_ quirks: String) throws -> SSHServer {
    let filter = "\(repository)/Tests/Servers/sftp-filter.py"
    return try SSHServer(sftp: "\(repository)/.venv/bin/python \(filter) \(quirks) \(sftpServer)")
}
