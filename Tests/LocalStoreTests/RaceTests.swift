import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Synchronization
import Testing

@Suite("LocalStore: names that change while they are looked for")
struct RaceTests {
    /// Moves a file between two places until it is asked to stop.
    private final class Mover: Sendable {
        private let isStopped = Atomic(false)
        private let hasEnded = Atomic(false)

        init(_ one: String, _ other: String) {
            startThread { [self] in
                while !isStopped.load(ordering: .relaxed) {
                    rename(one, other)
                    rename(other, one)
                }
                hasEnded.store(true, ordering: .releasing)
            }
        }

        func stop() throws {
            isStopped.store(true, ordering: .relaxed)
            try waitUntil("the mover ends") { hasEnded.load(ordering: .acquiring) }
        }
    }

    @Test("An object that moves to another store of the same file system is there or not, and nothing else")
    func moves() throws {
        let one = try Fixture()
        let other = try Fixture()
        try one.store.put("d/k", [1])
        try other.store.put("kept", [2])
        let mover = Mover(one.path + "/d/k", other.path + "/k")
        var failures: Set<Int32> = []
        var found = 0
        // The kernel complains of one open in fifty.
        for _ in 0..<5_000 {
            if let failure = failure(of: { _ = try one.store.stat("d/k") }) { failures.insert(failure.status) }
            if let failure = failure(of: { try one.store.open("d/k").close() }) {
                failures.insert(failure.status)
            } else {
                found += 1
            }
        }
        try mover.stop()
        #expect(failures == [FP_E_NOT_FOUND])
        #expect(found > 0)
    }
}
