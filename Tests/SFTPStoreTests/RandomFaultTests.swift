import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: random faults")
struct RandomFaultTests {
    @Test("200 uploads through a network that breaks at random arrive whole, and nothing else is left")
    func storm() throws {
        let random = SeededGenerator("storm")
        let line = try Line(["max_connections": "3", "answer_timeout": "2000"])
        defer { line.end() }
        let proxy = line.proxy
        let storm = Storm(
            random, sizes: [0, 1, 5000, 131_072, 400_000, 1_500_000], steps: [4096, 65_536, 200_000])
        try storm.run(
            on: line.store, calm: line.fixture.store, threads: 5,
            disturb: { isOver in
                var random = SeededGenerator(seed: random.seed &+ 1)
                while !isOver() { Self.disturb(proxy, &random) }
                proxy.set { $0 = TCPProxy.Weather() }
            })
        #expect(proxy.connections > 10, "the storm did nothing")
        try line.fixture.expectNoLitter()
    }

    private static func disturb(_ proxy: TCPProxy, _ random: inout SeededGenerator) {
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
}
