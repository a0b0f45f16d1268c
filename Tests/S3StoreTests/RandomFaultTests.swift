import FPPluginAPI
import PluginTestKit
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
            let generator = SeededGenerator("random faults of S3")
            let dice = Dice(generator)
            let proxy = FaultProxy { head, _ in
                guard head.path.contains("/tests/t/"), dice.roll(9) == 0 else { return .pass }
                let fault = Self.faults[dice.roll(Self.faults.count)]
                // SeaweedFS does not check the signature of a body, and a POST has no other checksum.
                if case .flipRequest = fault, head.method != "PUT" { return .pass }
                return fault
            }
            let direct = try Fixture()
            let store = try TestStore(s3Store, direct.options.merging(["endpoint_url": proxy.url]) { $1 })
            let problems = Collected<String>()
            onThreads(4) { index in
                for number in stride(from: index, to: 200, by: 4) {
                    do {
                        try Self.upload(number, to: store, dice)
                    } catch {
                        problems.add("upload \(number): \(error)")
                    }
                }
            }
            proxy.set { _, _ in .pass }
            #expect(problems.all == [])
            for number in 0..<200 {
                let (size, seed) = Self.content(number)
                expectSame(try direct.store.get("u/\(number)"), payload(size, seed: seed))
            }
            #expect(try direct.store.keys().count == 200)
            // What was begun without an answer is all that may be left, for the host's sweep to find.
            for entry in try direct.store.all(pending: true) { try direct.store.discard(entry.token) }
            #expect(try direct.store.all(pending: true) == [])
        }

        private static func content(_ number: Int) -> (size: Int, seed: UInt64) {
            let sizes = [0, 1, 1000, 65_536, 300_000, 1_500_000, partSize, partSize + 1, 2 * partSize + 77]
            return (number % 10 == 9 ? sizes[6 + number / 10 % 3] : sizes[number % 6], UInt64(number + 1))
        }

        /// Uploads as a host does: in chunks that are synced, going on after each failure from what is safe.
        private static func upload(_ number: Int, to store: TestStore, _ dice: Dice) throws {
            let (size, seed) = content(number)
            let bytes = payload(size, seed: seed)
            var token: [UInt8] = []
            var safe = 0
            for _ in 0..<200 {
                do {
                    let writer: TestWriter
                    if token.isEmpty {
                        writer = try store.begin(
                            "u/\(number)", flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, size: UInt64(size))
                        token = writer.token
                    } else {
                        guard let resumed = try store.resume(token, at: UInt64(safe)).writer else { return }
                        writer = resumed
                    }
                    defer { writer.close() }
                    guard writer.offset == UInt64(safe) else {
                        throw Problem("resumed at \(writer.offset), not \(safe)")
                    }
                    while safe < size {
                        let end = min(size, safe + 1 + dice.roll(4_000_000))
                        try writer.write(Array(bytes[safe..<end]))
                        let durable = try writer.sync()
                        guard durable == UInt64(end) else { throw Problem("\(durable) durable, not \(end)") }
                        safe = end
                    }
                    try writer.commit()
                    return
                } catch let failure as Failure {
                    let honest = [FP_E_TRANSIENT, FP_E_THROTTLED, FP_E_TIMEOUT]
                    guard honest.contains(failure.status) else { throw failure }
                }
            }
            throw Problem("200 attempts were not enough")
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
