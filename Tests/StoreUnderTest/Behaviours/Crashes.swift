import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    package static let crashes: [Behaviour] = [
        Behaviour("What was acknowledged before a SIGKILL is there, by the oldest token, with the right bytes") {
            kind in
            var random = SeededGenerator("killed while writing on \(kind.name)")
            for round in 0..<kind.rounds(12) { try killWhileWriting(kind, seed: UInt64(round), &random) }
        },
        Behaviour(
            "A SIGKILL around a commit leaves the whole object or a session that goes on, and no litter",
            needs: .endsWithItsProcess
        ) { kind in
            var random = SeededGenerator("killed while committing on \(kind.name)")
            let rounds = kind.rounds(40)
            var committed = 0
            let place = try kind.place()
            for round in 0..<rounds {
                let key = "d/\(round)"
                let driver = try place.process()
                let begun = try driver.run("begin \(key) \(FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)")
                try driver.run("write 50000 \(round)")
                try driver.run("sync 0")
                // How long a commit takes is another matter on each back-end: so the kills come soon and late.
                try driver.send("commit \(round % 2)")
                usleep(UInt32.random(in: 0...(round % 4 < 2 ? 1500 : 12_000), using: &random))
                driver.kill()
                switch try place.store.resume(begun.token) {
                case .committed: committed += 1
                case .open(let writer):
                    #expect(writer.offset == 50_000)
                    #expect(try place.store.lookup(key) == nil)
                    try writer.commit()
                }
                #expect(try place.store.get(key) == Pattern.bytes(50_000, seed: UInt64(round)))
                #expect(try place.store.resume(begun.token).writer == nil)
            }
            print("killed while committing on \(kind.name): \(committed) of \(rounds) had committed")
            #expect(try place.store.all(pending: true) == [])
            try place.expectNoLitter()
        },
        Behaviour("A SIGKILL during one-shot puts leaves nothing that is seen, and nothing that does not go") { kind in
            let place = try kind.place()
            let driver = try place.process()
            try driver.run("begin d/k 0")
            try driver.send("pour 4096 1")
            for _ in 0..<10 { _ = try driver.answer() }
            driver.kill()
            #expect(try place.store.keys() == [])
            #expect(place.tree() == [])
            try place.expectNoLitter()
        },
    ]

    /// Kills three processes in turn that write one session.
    private static func killWhileWriting(_ kind: StoreKind, seed: UInt64, _ random: inout SeededGenerator) throws {
        let place = try kind.place()
        var token: [UInt8] = []
        var hex = ""
        var acknowledged: UInt64 = 0
        for life in 0..<3 {
            let driver = try place.process()
            if life == 0 {
                let begun = try driver.run("begin d/k \(FP_W_RESUMABLE)")
                token = begun.token
                hex = try #require(begun.words.first)
            } else {
                let durable = try #require(UInt64(try driver.run("resume \(hex) -1").words.last ?? ""))
                #expect(durable >= acknowledged)
                acknowledged = durable
            }
            try driver.run("write \([17, 100_000, 1_500_000].randomElement(using: &random) ?? 1) \(seed)")
            acknowledged = try #require(UInt64(try driver.run("sync 0").words.first ?? ""))
            try driver.send("pour \([17, 1000, 16_385, 70_000].randomElement(using: &random) ?? 1) \(seed)")
            for _ in 0..<Int.random(in: 1...40, using: &random) {
                let written = try #require(UInt64(try driver.answer().words.first ?? ""))
                if kind.has(.writesAreDurable) { acknowledged = written }
            }
            driver.kill()
        }
        #expect(try place.store.lookup("d/k") == nil)
        #expect(try place.store.all(pending: true).map(\.key) == ["d/k"])
        let writer = try #require(try place.store.resume(token).writer)
        #expect(writer.offset >= acknowledged)
        let total = writer.offset
        try writer.commit()
        expectSame(try place.store.get("d/k"), Pattern.bytes(0..<total, seed: seed))
    }
}
