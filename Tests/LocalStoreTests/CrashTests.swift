import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("LocalStore: crashes")
struct CrashTests {
    @Test("What was acknowledged before a SIGKILL is there, by the oldest token, with the right bytes")
    func killedWhileWriting() throws {
        var random = SeededGenerator("killedWhileWriting")
        for round in 0..<12 {
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
                let step = [17, 1000, 16_385].randomElement(using: &random) ?? 1
                try driver.send("pour \(step) \(round)")
                for _ in 0..<Int.random(in: 1...40, using: &random) {
                    acknowledged = UInt64(try driver.answer().words.first ?? "") ?? acknowledged
                }
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
        for round in 0..<40 {
            let fixture = try Fixture()
            let driver = try fixture.process()
            let begun = try driver.run("begin d/k \(FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)")
            try driver.run("write 50000 \(round)")
            try driver.send("commit \(round % 2)")
            usleep(UInt32.random(in: 0...1500, using: &random))
            driver.kill()
            switch try fixture.store.resume(begun.token) {
            case .committed: committed += 1
            case .open(let writer):
                #expect(writer.offset == 50_000)
                #expect(try fixture.store.lookup("d/k") == nil)
                try writer.commit()
            }
            #expect(try fixture.store.get("d/k") == Pattern.bytes(50_000, seed: UInt64(round)))
            #expect(try fixture.store.all(pending: true) == [])
            #expect(fixture.directory.tree(withPrivate: true) == [".fp", ".fp/w", "d", "d/k"])
        }
        print("killedWhileCommitting: \(committed) of 40 had committed")
    }

    @Test("A SIGKILL during one-shot puts leaves nothing that is seen, and nothing that is not listed")
    func killedDuringPuts() throws {
        var random = SeededGenerator("killedDuringPuts")
        for deny in ["", "tmpfile"] {
            let fixture = try Fixture()
            let driver = try fixture.process()
            if !deny.isEmpty { try driver.run("deny \(deny) \(EOPNOTSUPP)") }
            try driver.run("begin d/k 0")
            try driver.send("pour 4096 1")
            for _ in 0..<Int.random(in: 1...10, using: &random) { _ = try driver.answer() }
            driver.kill()
            #expect(try fixture.store.keys() == [])
            let pending = try fixture.store.all(pending: true)
            #expect(pending.map(\.key) == (deny.isEmpty ? [] : ["d/k"]))
            for entry in pending { try fixture.store.discard(entry.token) }
            #expect(fixture.directory.tree(withPrivate: true) == (deny.isEmpty ? [] : [".fp", ".fp/w"]))
        }
    }
}
