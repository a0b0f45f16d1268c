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
                let statuses = Collected<(Int, fp_status)>()
                onThreads(32 * kind.pace / 100 + 4) { index in
                    let flags = FP_W_IF_NOT_EXISTS | (index % 2 == 0 ? sessions : 0)
                    do throws(Failure) {
                        try stores[index % 3].put("r/\(round)", [UInt8(index)], flags: flags)
                        statuses.add((index, FP_OK))
                    } catch {
                        statuses.add((index, error.status))
                    }
                }
                let winners = statuses.all.filter { $0.1 == FP_OK }.map(\.0)
                #expect(winners.count == 1)
                #expect(statuses.all.allSatisfy { [FP_OK, FP_E_EXISTS].contains($0.1) }, "\(statuses.all)")
                #expect(try place.store.get("r/\(round)").map(Int.init) == winners)
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
            let problems = Collected<String>()
            onThreads(4) { index in
                for round in 0..<kind.rounds(150) {
                    do throws(Failure) {
                        if index < 2 {
                            let flags: UInt32 = round % 2 == 0 ? 0 : FP_W_RESUMABLE
                            try store.put("k", versions[(round + index) % 4], flags: flags)
                        } else if try !versions.contains(store.get("k")) {
                            problems.add("round \(round): a mixture")
                        }
                    } catch {
                        problems.add("round \(round): \(error)")
                    }
                }
            }
            #expect(problems.all == [])
            try place.expectNothingStaged()
        },
        Behaviour("A session that many try to resume has one writer at a time, and loses nothing") { kind in
            let place = try kind.place()
            let store = place.store
            let token = try store.begin("k", flags: FP_W_RESUMABLE).token
            let written = Collected<Int>()
            let problems = Collected<Failure>()
            onThreads(8) { _ in
                for _ in 0..<kind.rounds(50) {
                    do throws(Failure) {
                        guard let writer = try store.resume(token).writer else { return }
                        try writer.write([UInt8(truncatingIfNeeded: writer.offset)])
                        try writer.sync()
                        written.add(1)
                        writer.close()
                    } catch {
                        if error.status != FP_E_CONFLICT { problems.add(error) }
                    }
                }
            }
            #expect(problems.all == [])
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
            let failures = Collected<Failure>()
            onThreads(4) { index in
                for _ in 0..<rounds / 2 {
                    do throws(Failure) {
                        try store.put("a/b/t\(index)", [1], flags: FP_W_RESUMABLE)
                        try store.remove("a/b/t\(index)")
                    } catch {
                        failures.add(error)
                    }
                }
            }
            #expect(failures.all == [])
            for driver in drivers { #expect(try driver.answer() == .ok(["\(rounds)"])) }
            try waitUntil("empty directories go") { place.tree() == [] }
        },
        Behaviour("A list that removes an empty directory never makes a write into it fail", needs: .folders) { kind in
            let place = try kind.place([.directoryMode: "0755"])
            let store = place.store
            let path = place.path
            let failures = Collected<Failure>()
            onThreads(4) { index in
                for round in 0..<kind.rounds(300) {
                    do throws(Failure) {
                        if index == 0 {
                            let old = timeval(tv_sec: time(nil) - 3 * 86400, tv_usec: 0)
                            for name in ["r", "r/s"] { utimes("\(path)/\(name)", [old, old]) }
                            _ = try store.keys()
                        } else {
                            let key = "r/s/\(index)-\(round)"
                            try store.put(key, [1], flags: round % 2 == 0 ? FP_W_RESUMABLE : 0)
                            try store.remove(key)
                        }
                    } catch {
                        failures.add(error)
                    }
                }
            }
            #expect(failures.all == [])
        },
    ]
}
