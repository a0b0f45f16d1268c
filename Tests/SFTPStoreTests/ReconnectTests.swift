import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// What only the plugin can repeat: the host does not have the bytes any more that a write took.
@Suite("SFTPStore: connections that break under a writer")
struct ReconnectTests {
    @Test(
        "A put goes on over another connection, wherever the first one breaks", arguments: [true, false], [true, false])
    func anywhere(up: Bool, resumable: Bool) throws {
        var random = SeededGenerator("anywhere")
        let line = try Line(["max_connections": "1"])
        defer { line.end() }
        _ = try line.store.health()
        let bytes = Pattern.bytes(700_000, seed: 4)
        for round in 0..<50 {
            let key = "cut/\(round)"
            let writer = try line.store.begin(
                key, flags: FP_W_IF_NOT_EXISTS | (resumable ? FP_W_RESUMABLE : 0))
            // Every other one near the end, where the steps of the commit are.
            let range = up ? [0..<720_000, 699_000..<706_000] : [0..<2500, 600..<2500]
            let limit = Int.random(in: range[round % 2], using: &random)
            line.proxy.set { if up { $0.cutAfterUp = limit } else { $0.cutAfterDown = limit } }
            while writer.offset < bytes.count {
                let end = min(bytes.count, Int(writer.offset) + 50_000)
                try writer.write(Array(bytes[Int(writer.offset)..<end]))
            }
            if resumable, round % 3 == 0 { #expect(try writer.sync(FP_SYNC_POWER) == 700_000) }
            #expect(try writer.commit(flags: round % 4 == 0 ? FP_SYNC_POWER : 0).size == 700_000)
            writer.close()
            line.proxy.set {
                $0.cutAfterUp = nil
                $0.cutAfterDown = nil
            }
            #expect(try line.fixture.store.get(key) == bytes, "\(key), cut after \(limit)")
        }
        #expect(line.proxy.connections > 20, "the proxy cut nothing")
        #expect(try line.fixture.store.keys().count == 50)
        try line.fixture.expectNoLitter()
    }

    @Test("Only what the server had not acknowledged is sent again")
    func onlyTheRest() throws {
        let line = try Line()
        defer { line.end() }
        let bytes = Pattern.bytes(20_000_000)
        let writer = try line.store.begin("k")
        for round in 0..<20 {
            try writer.write(Array(bytes[round * 1_000_000..<(round + 1) * 1_000_000]))
            if round % 5 == 4 { line.proxy.cut() }
        }
        try writer.commit()
        #expect(try line.store.get("k") == bytes)
        // Four times the window of 4 MiB, and what SSH adds.
        #expect(line.proxy.bytesUp < 20_000_000 + 4 * (4 << 20) + 1_000_000)
    }

    @Test("A server that restarts in the middle of a put is waited for")
    func restart() throws {
        let server = try SSHServer()
        let fixture = try Fixture(on: server)
        let bytes = Pattern.bytes(3_000_000)
        let writer = try fixture.store.begin("k")
        try writer.write(Array(bytes[..<2_000_000]))
        server.stop()
        startThread {
            usleep(400_000)
            try? server.start()
        }
        try writer.write(Array(bytes[2_000_000...]))
        try writer.commit()
        #expect(try fixture.store.get("k") == bytes)
    }

    @Test("A server that stays away fails the call as transient, in time, and the session goes on later")
    func givesUp() throws {
        let line = try Line(["timeout": "1000"])
        defer { line.end() }
        let bytes = Pattern.bytes(500_000)
        let writer = try line.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(Array(bytes[..<200_000]))
        #expect(try writer.sync() == 200_000)
        line.proxy.set { $0.refuses = true }
        line.proxy.cut()
        expectFailure(FP_E_TRANSIENT) {
            try writer.write(Array(bytes[200_000..<300_000]))
            try writer.sync()
        }
        writer.close()
        line.proxy.set { $0.refuses = false }
        let again = try #require(try line.store.resume(writer.token).writer)
        #expect(again.offset >= 200_000)
        try again.write(Array(bytes[Int(again.offset)...]))
        // The same for a commit, which may be tried again on the same writer.
        line.proxy.set { $0.refuses = true }
        line.proxy.cut()
        let failure = expectFailure(FP_E_TRANSIENT) { try again.commit() }
        #expect(failure?.outcomeUnknown == false)
        line.proxy.set { $0.refuses = false }
        try again.commit()
        #expect(try line.store.get("k") == bytes)
    }

    @Test("What is found again must be what was there: else the write ends, and nothing is published")
    func provablyTheSame() throws {
        let cases: [(fp_status, (String) -> Void)] = [
            (FP_E_GONE, { unlink($0) }),
            (FP_E_GONE, { unlink($0 + ".m") }),
            (FP_E_GONE, { truncate($0, 100) }),
            (FP_E_CONFLICT, { truncate($0, 5_000_000) }),
            (
                FP_E_DENIED,
                { path in
                    rename(path, path + "-aside")
                    symlink(path + "-aside", path)
                }
            ),
            (
                FP_E_GONE,
                { path in
                    rename(path, path + "-aside")
                    mkdir(path, 0o755)
                }
            ),
        ]
        for (status, change) in cases {
            let line = try Line()
            defer { line.end() }
            let writer = try line.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(200_000))
            try writer.sync()
            // Nothing of this reaches the server, which would write it over what is changed there.
            line.proxy.set { $0.isStalled = true }
            try writer.write(Pattern.bytes(100_000))
            line.proxy.cut()
            line.proxy.set { $0.isStalled = false }
            let name = try #require(line.fixture.staged().first { !$0.hasSuffix(".m") })
            change("\(line.fixture.path)/\(name)")
            expectFailure(status) { try writer.commit() }
            writer.close()
            #expect(try line.fixture.store.lookup("k") == nil)
        }
    }
}
