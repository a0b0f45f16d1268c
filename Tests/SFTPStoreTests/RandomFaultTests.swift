import FPPluginAPI
import Glibc
import PluginTestKit
import Synchronization
import Testing

@Suite("SFTPStore: random faults")
struct RandomFaultTests {
    /// Shared by the threads of the test.
    private final class Score: Sendable {
        let failures = Atomic<Int>(0)
        let left = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
    }

    @Test("200 uploads through a network that breaks at random arrive whole, and nothing else is left")
    func storm() throws {
        let seed = SeededGenerator("storm").seed
        let line = try Line(["max_connections": "3", "answer_timeout": "2000"])
        defer { line.end() }
        let threads = 5
        let perThread = 40
        let score = Score()
        score.left.store(threads, ordering: .sequentiallyConsistent)
        let proxy = line.proxy
        let store = line.store
        onThreads(threads + 1) { thread in
            var random = SeededGenerator(seed: seed &+ UInt64(thread) &* 7919)
            guard thread < threads else { return Self.disturb(proxy, score, &random) }
            for index in 0..<perThread {
                let key = "\(thread)/\(index)"
                let count = [0, 1, 5000, 131_072, 400_000, 1_500_000].randomElement(using: &random) ?? 0
                let bytes = Pattern.bytes(
                    Int.random(in: 0...count, using: &random), seed: UInt64(thread * 1000 + index))
                var uploader = Uploader(store)
                uploader.step = [4096, 65_536, 200_000].randomElement(using: &random) ?? 1
                do {
                    let failures = try uploader.upload(bytes, to: key)
                    score.failures.add(failures, ordering: .relaxed)
                } catch {
                    Issue.record("\(key): \(error)")
                }
            }
            if score.left.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 {
                score.isOver.store(true, ordering: .sequentiallyConsistent)
            }
        }
        print("storm: \(score.failures.load(ordering: .relaxed)) calls failed, \(proxy.connections) connections")
        #expect(proxy.connections > threads * 2, "the storm did nothing")
        var replay: [String: [UInt8]] = [:]
        for thread in 0..<threads {
            var random = SeededGenerator(seed: seed &+ UInt64(thread) &* 7919)
            for index in 0..<perThread {
                let count = [0, 1, 5000, 131_072, 400_000, 1_500_000].randomElement(using: &random) ?? 0
                let size = Int.random(in: 0...count, using: &random)
                replay["\(thread)/\(index)"] = Pattern.bytes(size, seed: UInt64(thread * 1000 + index))
                _ = [4096, 65_536, 200_000].randomElement(using: &random)
            }
        }
        // Read where there is no storm.
        let calm = line.fixture.store
        #expect(Set(try calm.keys()) == Set(replay.keys))
        for (key, bytes) in replay { #expect(try calm.get(key) == bytes, "\(key) has other bytes") }
        try line.fixture.expectNoLitter(calm)
    }

    private static func disturb(_ proxy: TCPProxy, _ score: Score, _ random: inout SeededGenerator) {
        while !score.isOver.load(ordering: .sequentiallyConsistent) {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: proxy.cut()
            case 1...3:
                let limit = Int.random(in: 0..<300_000, using: &random)
                proxy.set { $0.cutAfterUp = limit }
            case 4...5:
                let limit = Int.random(in: 0..<20_000, using: &random)
                proxy.set { $0.cutAfterDown = limit }
            case 6:
                let delay = Int64.random(in: 0..<8, using: &random)
                proxy.set { $0.delay = delay }
            case 7:
                proxy.set { $0.isStalled = true }
                usleep(UInt32.random(in: 0..<100_000, using: &random))
                proxy.set { $0.isStalled = false }
            case 8:
                proxy.set { $0.refuses = true }
                usleep(UInt32.random(in: 0..<30_000, using: &random))
                proxy.set { $0.refuses = false }
            default: break
            }
            usleep(UInt32.random(in: 10_000..<120_000, using: &random))
        }
        proxy.set { $0 = TCPProxy.Weather() }
    }
}
