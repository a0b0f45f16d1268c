import FPPluginAPI
import PluginTestKit
import Testing

@Suite("LocalStore: races")
struct RaceTests {
    @Test("Of 32 commits that want a free key exactly one wins, from threads", arguments: [0, FP_W_RESUMABLE])
    func threads(flags: UInt32) throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        let store = fixture.store
        for round in 0..<10 {
            let statuses = Collected<(Int, fp_status)>()
            onThreads(32) { index in
                let refusal = failure {
                    try store.put("r/\(round)", [UInt8(index)], flags: flags | FP_W_IF_NOT_EXISTS)
                }
                statuses.add((index, refusal?.status ?? FP_OK))
            }
            let winners = statuses.all.filter { $0.1 == FP_OK }.map(\.0)
            #expect(winners.count == 1)
            #expect(statuses.all.filter { $0.1 == FP_E_EXISTS }.count == 31)
            #expect(try store.get("r/\(round)").map(Int.init) == winners)
        }
    }

    @Test("Of 32 commits that want a free key exactly one wins, from processes")
    func processes() throws {
        let fixture = try Fixture()
        let drivers = try (0..<32).map { _ in try fixture.process() }
        for (index, driver) in drivers.enumerated() {
            let flags = index % 2 == 0 ? FP_W_IF_NOT_EXISTS : FP_W_IF_NOT_EXISTS | FP_W_RESUMABLE
            #expect(try driver.run("begin r/k \(flags)").status == 0)
            #expect(try driver.run("write \(index + 1) 1").status == 0)
        }
        for driver in drivers { try driver.send("commit 0") }
        let answers = try drivers.map { try $0.answer() }
        let winners = answers.indices.filter { answers[$0].status == 0 }
        #expect(winners.count == 1)
        #expect(answers.filter { $0.status == FP_E_EXISTS }.count == 31)
        #expect(try fixture.store.stat("r/k").size == UInt64((winners.first ?? 0) + 1))
    }

    @Test("Commits below a directory that others empty and remove all the time never fail for it")
    func pruning() throws {
        let fixture = try Fixture()
        let drivers = try (0..<4).map { _ in try fixture.process() }
        for (index, driver) in drivers.enumerated() { try driver.send("storm a/b/c/\(index) 400") }
        let store = fixture.store
        let failures = Collected<Failure>()
        onThreads(4) { index in
            for _ in 0..<200 {
                let refusal = failure {
                    try store.put("a/b/t\(index)", [1], flags: FP_W_RESUMABLE)
                    try store.remove("a/b/t\(index)")
                }
                if let refusal { failures.add(refusal) }
            }
        }
        #expect(failures.all == [])
        for driver in drivers { #expect(try driver.answer() == .ok(["400"])) }
        #expect(fixture.directory.tree() == [])
    }

    @Test("A reader sees the old object or the new one, while it is replaced all the time")
    func replacing() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        let store = fixture.store
        let versions = (1...4).map { Pattern.bytes(20_000, seed: UInt64($0)) }
        try store.put("k", versions[0])
        let mixtures = Collected<Int>()
        onThreads(4) { index in
            for round in 0..<150 {
                let refusal = failure {
                    if index < 2 {
                        let flags: UInt32 = round % 2 == 0 ? 0 : FP_W_RESUMABLE
                        try store.put("k", versions[(round + index) % 4], flags: flags)
                    } else if try !versions.contains(store.get("k")) {
                        mixtures.add(round)
                    }
                }
                if refusal != nil { mixtures.add(-1) }
            }
        }
        #expect(mixtures.all == [])
        #expect(try store.all(pending: true) == [])
    }

    @Test("A session that many try to resume has one writer at a time, and loses nothing")
    func resuming() throws {
        let fixture = try Fixture()
        let store = fixture.store
        let token = try store.begin("k", flags: FP_W_RESUMABLE).token
        let written = Collected<Int>()
        let odd = Collected<Failure>()
        onThreads(8) { _ in
            for _ in 0..<50 {
                let refusal = failure {
                    guard let writer = try store.resume(token).writer else { return }
                    try writer.write([UInt8(truncatingIfNeeded: writer.offset)])
                    written.add(1)
                    writer.close()
                }
                if let refusal, refusal.status != FP_E_CONFLICT { odd.add(refusal) }
            }
        }
        #expect(odd.all == [])
        let writer = try #require(try store.resume(token).writer)
        #expect(writer.offset == UInt64(written.all.count))
        try writer.commit()
        #expect(try store.get("k") == (0..<written.all.count).map { UInt8(truncatingIfNeeded: $0) })
    }
}
