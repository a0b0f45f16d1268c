import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: faults")
struct FaultTests {
    @Test("A cut at any byte of an upload leaves the whole object or a session that goes on", arguments: [true, false])
    func cuts(up: Bool) throws {
        var random = SeededGenerator("cuts")
        let line = try Line(["max_connections": "1"])
        defer { line.end() }
        _ = try line.store.health()
        let bytes = Pattern.bytes(700_000, seed: 3)
        for round in 0..<60 {
            let key = "cut/\(round)"
            // Most of the traffic is the object's, most of the steps are not: so every other cut is near an end.
            let span = up ? [3000, 720_000] : [2500, 6000]
            let limit = Int.random(in: 0..<span[round % 2], using: &random)
            line.proxy.set { if up { $0.cutAfterUp = limit } else { $0.cutAfterDown = limit } }
            _ = try Uploader(line.store).upload(bytes, to: key)
            line.proxy.set {
                $0.cutAfterUp = nil
                $0.cutAfterDown = nil
            }
            #expect(try line.store.get(key) == bytes)
        }
        #expect(line.proxy.connections > 20, "the proxy cut nothing")
        #expect(try line.store.keys().count == 60)
        try line.fixture.expectNoLitter()
    }

    @Test("What follows a write that was refused is cut off, so that the length never counts what is missing")
    func refusedWrite() throws {
        let bytes = Pattern.bytes(300_000)
        for refused in [1, 2, 5, 9] {
            let server = try OtherServer("password", refusedWrite: refused)
            let store = try server.store(["password": OtherServer.password])
            let writer = try store.begin("k", flags: FP_W_RESUMABLE)
            expectFailure(FP_E_NO_SPACE) {
                try writer.write(bytes)
                try writer.sync()
            }
            writer.close()
            let again = try #require(try store.resume(writer.token).writer)
            #expect(again.offset == UInt64(refused - 1) * 32768)
            try again.write(Array(bytes[Int(again.offset)...]))
            try again.commit()
            again.close()
            #expect(try store.get("k") == bytes)
        }
    }

    @Test("A writer outlives its connection if nothing was under way")
    func reconnects() throws {
        let line = try Line()
        defer { line.end() }
        let bytes = Pattern.bytes(90_000)
        let writer = try line.store.begin("k", flags: FP_W_RESUMABLE)
        for part in 0..<3 {
            try writer.write(Array(bytes[part * 30_000..<(part + 1) * 30_000]))
            #expect(try writer.sync() == UInt64((part + 1) * 30_000))
            let before = line.proxy.connections
            line.proxy.cut()
            // The store learns of it by itself.
            try waitUntil("a new connection") {
                _ = try? line.store.stat("absent")
                return line.proxy.connections > before
            }
        }
        try writer.commit()
        #expect(try line.store.get("k") == bytes)
    }

    @Test("A reader whose connection has gone while nothing was under way fails in passing")
    func readerLosesConnection() throws {
        let line = try Line()
        defer { line.end() }
        let bytes = Pattern.bytes(3 << 20)
        try line.store.put("k", bytes)
        let reader = try line.store.open("k")
        let before = line.proxy.connections
        line.proxy.cut()
        try waitUntil("a new connection") {
            _ = try? line.store.stat("absent")
            return line.proxy.connections > before
        }
        expectFailure(FP_E_TRANSIENT) { _ = try reader.rest() }
    }

    @Test("A connection that was idle for long is closed, and opened again when there is work")
    func idles() throws {
        let line = try Line(["idle_close": "200"])
        defer { line.end() }
        try line.store.put("k", [1])
        let before = line.proxy.connections
        usleep(600_000)
        #expect(try line.store.get("k") == [1])
        #expect(line.proxy.connections > before)
    }

    @Test("A connection that is closed leaves no descriptor behind")
    func descriptors() throws {
        let fixture = try Fixture()
        let driver = try fixture.process(["idle_close": "100"])
        func connections() throws -> Int {
            // The tenth column names the socket.
            let known = try readFile("/proc/net/tcp").split(separator: "\n").compactMap { line in
                line.split(separator: " ").dropFirst(9).first.map { "socket:[\($0)]" }
            }
            return (0..<256).count { number in
                var text = [CChar](repeating: 0, count: 64)
                let length = readlink("/proc/\(driver.id)/fd/\(number)", &text, text.count)
                let bytes = text.prefix(max(0, length)).map(UInt8.init(bitPattern:))
                return known.contains(String(decoding: bytes, as: UTF8.self))
            }
        }
        for _ in 0..<3 {
            #expect(try driver.run("storm k 1").words == ["1"])
            try waitUntil("the connection is closed") { try connections() == 0 }
        }
    }

    @Test("A server that says nothing holds no call up beyond its deadline")
    func stalls() throws {
        let line = try Line()
        defer { line.end() }
        try line.store.put("k", Pattern.bytes(4_000_000))
        let reader = try line.store.open("k")
        let writer = try line.store.begin("w", flags: FP_W_RESUMABLE)
        line.proxy.set { $0.isStalled = true }
        var options = CallOptions()
        for _ in 0..<2 {
            let start = monotonic()
            options.deadline = start + 300_000_000
            expectFailure(FP_E_TIMEOUT) { try line.store.stat("k", options) }
            // A second is what the contract allows; the rest is for a busy machine.
            #expect(monotonic() - start < 10_000_000_000)
        }
        // What does not wait for the server does not wait at all.
        writer.close()
        _ = reader
        line.proxy.set { $0.isStalled = false }
        #expect(try line.store.stat("k").size == 4_000_000)
    }

    @Test("A server that owes an answer for too long counts as lost")
    func owesAnswers() throws {
        let line = try Line(["answer_timeout": "1000"])
        defer { line.end() }
        try line.store.put("k", [1])
        line.proxy.set { $0.isStalled = true }
        let start = monotonic()
        expectFailure(FP_E_TRANSIENT) { try line.store.stat("k") }
        #expect(monotonic() - start < 60_000_000_000)
        line.proxy.set { $0.isStalled = false }
        #expect(try line.store.stat("k").size == 1)
    }

    @Test("A server that is not there is worth a retry, and found again")
    func unreachable() throws {
        let line = try Line(["timeout": "2000"])
        defer { line.end() }
        line.proxy.set { $0.refuses = true }
        let failure = expectFailure(FP_E_TRANSIENT) { try line.store.health() }
        #expect(failure?.outcomeUnknown == false)
        line.proxy.set { $0.refuses = false }
        #expect(try line.store.health().state == FP_HEALTH_OK)
        #expect(try line.store.put("k", [1]).size == 1)
        let nowhere = try line.fixture.another(["host": "127.0.0.1", "port": "\(freePort())"])
        expectFailure(FP_E_TRANSIENT) { try nowhere.stat("k") }
        let nameless = try line.fixture.another(["host": "no-such-host.invalid"])
        #expect(expectFailure(FP_E_TRANSIENT) { try nameless.stat("k") }?.message.contains("looking up") == true)
    }

    @Test("A server may restart at any time")
    func restarts() throws {
        let server = try SSHServer()
        let fixture = try Fixture(on: server)
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write([1, 2, 3])
        try writer.sync()
        server.stop()
        expectFailure(FP_E_TRANSIENT) { try fixture.store.stat("k") }
        try server.start()
        try writer.write([4])
        try writer.commit()
        #expect(try fixture.store.get("k") == [1, 2, 3, 4])
    }

    @Test("Latency does not set the speed of a stream")
    func latency() throws {
        let line = try Line()
        defer { line.end() }
        _ = try line.store.health()
        line.proxy.set { $0.delay = 20 }
        let bytes = Pattern.bytes(8 << 20)
        let writer = try line.store.begin("k", flags: FP_W_RESUMABLE)
        let start = monotonic()
        for place in stride(from: 0, to: bytes.count, by: 1 << 20) {
            try writer.write(Array(bytes[place..<place + (1 << 20)]))
        }
        try writer.commit()
        // One packet of 32 KiB per round trip would take 10 seconds.
        #expect(monotonic() - start < 5_000_000_000)
        #expect(try line.store.get("k") == bytes)
    }
}
