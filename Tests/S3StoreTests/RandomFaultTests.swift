import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Synchronization
import Testing

extension S3StoreTests {
    @Suite("random faults")
    struct RandomFaults {
        private static let faults: [Fault] = [
            .cutBefore, .cutRequest(after: 1), .cutRequest(after: 100_000), .loseReply, .duplicate, .reply(500),
            .reply(503, ["Retry-After": "1"], errorBody("SlowDown")), .reply(200, [:], errorBody("InternalError")),
            .replace(500), .replace(200, [:], errorBody("InternalError")), .cutReply(after: 0), .cutReply(after: 70),
            .flipRequest(at: 0), .flipRequest(at: 999_999), .slow(20),
        ]

        @Test("Of 200 uploads through random faults every byte arrives, and nothing is left over")
        func uploads() throws {
            let random = SeededGenerator("random faults of S3")
            let dice = Dice(random)
            let proxy = FaultProxy { head, _ in
                guard head.path.contains("/tests/t/"), dice.roll(9) == 0 else { return .pass }
                let fault = Self.faults[dice.roll(Self.faults.count)]
                // SeaweedFS does not check the signature of a body, and a POST has no other checksum.
                if case .flipRequest = fault, head.method != "PUT" { return .pass }
                return fault
            }
            let direct = try Fixture()
            let small = [0, 1, 1000, 65_536, 300_000, 1_500_000]
            let storm = Storm(
                random, sizes: small + small + [partSize, partSize + 1, 2 * partSize + 77],
                steps: [1_300_000, 2_700_000, 4_000_000])
            try storm.run(on: direct.another(["endpoint_url": proxy.url]), calm: direct.store, threads: 4) {
                $0.stepsPerSync = 1
                $0.takesBack = true
            }
            // What was begun without an answer is all that may be left, for the host's sweep to find.
            for entry in try direct.store.all(pending: true) { try direct.store.discard(entry.token) }
            #expect(try direct.store.all(pending: true) == [])
        }
    }
}

/// Random numbers for many threads, from one seed.
final class Dice: Sendable {
    private let generator: Mutex<SeededGenerator>

    init(_ generator: SeededGenerator) { self.generator = Mutex(generator) }

    /// From 0 up to `sides`.
    func roll(_ sides: Int) -> Int { generator.withLock { Int.random(in: 0..<sides, using: &$0) } }
}
