import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    package static let races: [Behaviour] = [
        Behaviour("Of many writers that want a free key exactly one wins") { kind in
            let place = try kind.place(replacing: true)
            let stores = try (0..<3).map { _ in try place.another() }
            let sessions = kind.has(.sessionsRace) ? FP_W_RESUMABLE : 0
            for round in 0..<kind.rounds(20) {
                let winners = Collected<UInt8>()
                let problems = race(32 * kind.pace / 100 + 4) { thread, _ in
                    let flags = FP_W_IF_NOT_EXISTS | (thread % 2 == 0 ? sessions : 0)
                    do {
                        try stores[thread % 3].put("r/\(round)", [UInt8(thread)], flags: flags)
                        winners.add(UInt8(thread))
                    } catch let failure as Failure where failure.status == FP_E_EXISTS {
                        // Due for all of them but one.
                    }
                }
                #expect(problems == [])
                #expect(winners.all.count == 1)
                #expect(try place.store.get("r/\(round)") == winners.all)
            }
        },
        Behaviour(
            "A reader sees the old object or the new one, while it is replaced all the time",
            needs: .readersKeepTheirVersion
        ) { kind in
            let place = try kind.place(replacing: true)
            let store = place.store
            let versions = (1...4).map { Pattern.bytes(20_000, seed: UInt64($0)) }
            try store.put("k", versions[0])
            let problems = race(4, rounds: kind.rounds(150)) { thread, round in
                if thread < 2 {
                    try store.put("k", versions[(round + thread) % 4], flags: round % 2 == 0 ? 0 : FP_W_RESUMABLE)
                } else if try !versions.contains(store.get("k")) {
                    throw Problem("a mixture")
                }
            }
            #expect(problems == [])
            try place.expectNothingStaged()
        },
        Behaviour("A session that many try to resume has one writer at a time, and loses nothing") { kind in
            let place = try kind.place()
            let store = place.store
            let token = try store.begin("k", flags: FP_W_RESUMABLE).token
            let written = Collected<Int>()
            let problems = race(8, rounds: kind.rounds(50)) { _, _ in
                do {
                    let writer = try #require(try store.resume(token).writer)
                    defer { writer.close() }
                    try writer.write([UInt8(truncatingIfNeeded: writer.offset)])
                    try writer.sync()
                    written.add(1)
                } catch let failure as Failure where failure.status == FP_E_CONFLICT {
                    // Another thread has the session.
                }
            }
            #expect(problems == [])
            let writer = try #require(try store.resume(token).writer)
            #expect(writer.offset == UInt64(written.all.count))
            try writer.commit()
            #expect(try store.get("k") == (0..<written.all.count).map { UInt8(truncatingIfNeeded: $0) })
        },
        Behaviour("Commits below directories that others empty all the time never fail for it", needs: .folders) {
            kind in
            let place = try kind.place()
            let drivers = try (0..<4).map { _ in try place.process() }
            let rounds = kind.rounds(400)
            for (index, driver) in drivers.enumerated() { try driver.send("storm a/b/c/\(index) \(rounds)") }
            let store = place.store
            let problems = race(4, rounds: rounds / 2) { thread, _ in
                try store.put("a/b/t\(thread)", [1], flags: FP_W_RESUMABLE)
                try store.remove("a/b/t\(thread)")
            }
            #expect(problems == [])
            for driver in drivers { #expect(try driver.answer() == .ok(["\(rounds)"])) }
            try waitUntil("empty directories go") { place.tree() == [] }
        },
        Behaviour("A list that removes an empty directory never makes a write into it fail", needs: .folders) { kind in
            let place = try kind.place(replacing: false, [.directoryMode: "0755"])
            let store = place.store
            let path = place.path
            let problems = race(4, rounds: kind.rounds(300)) { thread, round in
                guard thread > 0 else {
                    let old = timeval(tv_sec: time(nil) - 3 * 86400, tv_usec: 0)
                    for name in ["r", "r/s"] { utimes("\(path)/\(name)", [old, old]) }
                    _ = try store.keys()
                    return
                }
                let key = "r/s/\(thread)-\(round)"
                try store.put(key, [1], flags: round % 2 == 0 ? FP_W_RESUMABLE : 0)
                try store.remove(key)
            }
            #expect(problems == [])
        },
    ]

    /// Runs `body` some rounds on each of some threads, which start together.
    /// - Returns: what it threw, in words.
    private static func race(
        _ threads: Int, rounds: Int = 1, _ body: @escaping @Sendable (_ thread: Int, _ round: Int) throws -> Void
    ) -> [String] {
        let problems = Collected<String>()
        onThreads(threads) { thread in
            for round in 0..<rounds {
                do { try body(thread, round) } catch { problems.add("round \(round): \(error)") }
            }
        }
        return problems.all
    }
}
