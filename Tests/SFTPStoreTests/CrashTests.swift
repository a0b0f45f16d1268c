import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: crashes")
struct CrashTests {
    @Test("What was acknowledged before a SIGKILL is there, by the oldest token, with the right bytes")
    func killedWhileWriting() throws {
        var random = SeededGenerator("killedWhileWriting")
        for round in 0..<6 {
            let fixture = try Fixture()
            var token: [UInt8] = []
            var hex = ""
            var acknowledged: UInt64 = 0
            for life in 0..<3 {
                let driver = try fixture.process()
                if life == 0 {
                    let begun = try driver.run("begin d/k \(FP_W_RESUMABLE)")
                    token = begun.token
                    hex = try #require(begun.words.first)
                } else {
                    let words = try driver.run("resume \(hex) -1").words
                    let durable = try #require(UInt64(words.last ?? ""))
                    #expect(durable >= acknowledged)
                    acknowledged = durable
                }
                let count = [17, 100_000, 1_500_000].randomElement(using: &random) ?? 1
                try driver.run("write \(count) \(round)")
                acknowledged = UInt64(try driver.run("sync 0").words.first ?? "") ?? acknowledged
                try driver.send("pour 70000 \(round)")
                for _ in 0..<Int.random(in: 1...20, using: &random) { _ = try driver.answer() }
                driver.kill()
            }
            #expect(try fixture.store.lookup("d/k") == nil)
            #expect(try fixture.store.all(pending: true).map(\.key) == ["d/k"])
            let writer = try #require(try fixture.store.resume(token).writer)
            #expect(writer.offset >= acknowledged)
            let total = writer.offset
            try writer.commit()
            #expect(try fixture.store.get("d/k") == Pattern.bytes(0..<total, seed: UInt64(round)))
        }
    }

    @Test("A SIGKILL around a commit leaves the whole object or a session that goes on, and no litter")
    func killedWhileCommitting() throws {
        var random = SeededGenerator("killedWhileCommitting")
        var committed = 0
        let fixture = try Fixture()
        for round in 0..<25 {
            let key = "d/\(round)"
            let driver = try fixture.process()
            let begun = try driver.run("begin \(key) \(FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)")
            try driver.run("write 50000 \(round)")
            try driver.run("sync 0")
            try driver.send("commit \(round % 2)")
            usleep(UInt32.random(in: 0...12_000, using: &random))
            driver.kill()
            switch try fixture.store.resume(begun.token) {
            case .committed: committed += 1
            case .open(let writer):
                #expect(writer.offset == 50_000)
                #expect(try fixture.store.lookup(key) == nil)
                try writer.commit()
            }
            #expect(try fixture.store.get(key) == Pattern.bytes(50_000, seed: UInt64(round)))
            guard case .committed = try fixture.store.resume(begun.token) else {
                Issue.record("a commit is not recognised")
                return
            }
        }
        print("killedWhileCommitting: \(committed) of 25 had committed")
        #expect(try fixture.store.all(pending: true) == [])
        try fixture.expectNoLitter(fixture.store)
    }

    /// The states that lie between the steps of a commit, made by hand: a kill seldom hits them.
    @Test("Each state between two steps of a commit is told for what it is")
    func betweenSteps() throws {
        let bytes = Pattern.bytes(1000)
        func begin(_ fixture: Fixture, _ key: String) throws -> (token: [UInt8], path: String) {
            let writer = try fixture.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write(bytes)
            writer.close()
            try waitUntil("the bytes are there") { fixture.staged.count == 2 }
            return (writer.token, fixture.path + "/" + (fixture.staged.first { !$0.hasSuffix(".m") } ?? ""))
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
        #expect(fixture.staged == [])
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
        try waitUntil("the drop is finished") { fixture.staged == [] }
    }

    @Test("A SIGKILL during one-shot puts leaves nothing that is seen, and time clears the rest away")
    func killedDuringPuts() throws {
        let fixture = try Fixture()
        let driver = try fixture.process()
        try driver.run("begin d/k 0")
        try driver.send("pour 4096 1")
        for _ in 0..<10 { _ = try driver.answer() }
        driver.kill()
        #expect(try fixture.store.keys() == [])
        #expect(try fixture.store.all(pending: true) == [])
        try fixture.expectNoLitter(fixture.store)
    }
}
