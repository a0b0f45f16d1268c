import FPPluginAPI
import PluginTestKit
import Synchronization
import Testing

/// Two hundred uploads by several threads through a network that breaks all the time.
package struct Storm {
    private let uploads: [(key: String, size: Int, seed: UInt64)]
    private let steps: [Int]

    /// - Parameters:
    ///   - sizes: the largest sizes that objects have; each is up to one of them.
    ///   - steps: the sizes of chunks.
    package init(_ random: SeededGenerator, sizes: [Int], steps: [Int]) {
        var random = random
        uploads = (0..<200).map { index in
            let most = sizes.randomElement(using: &random) ?? 0
            let size = Bool.random(using: &random) ? most : Int.random(in: 0...most, using: &random)
            return ("\(index % 5)/\(index)", size, UInt64(index + 1))
        }
        self.steps = steps
    }

    /// Uploads everything, and reads it back directly.
    /// - Parameters:
    ///   - store: the store, reached through the network that breaks.
    ///   - prepare: how each upload is made.
    ///   - calm: the same store, reached directly.
    ///   - disturb: breaks the network, on a thread of its own, until its argument says that the uploads are over.
    package func run(
        on store: TestStore, calm: TestStore, threads: Int,
        prepare: @escaping @Sendable (inout Uploader) -> Void = { _ in },
        disturb: @escaping @Sendable (_ isOver: () -> Bool) -> Void = { _ in }
    ) throws {
        let problems = Collected<String>()
        let failures = Atomic<Int>(0)
        let left = Atomic<Int>(threads)
        onThreads(threads + 1) { [uploads, steps] thread in
            guard thread < threads else { return disturb { left.load(ordering: .sequentiallyConsistent) == 0 } }
            for index in stride(from: thread, to: uploads.count, by: threads) {
                let (key, size, seed) = uploads[index]
                var uploader = Uploader(store)
                uploader.step = steps[index % steps.count]
                prepare(&uploader)
                do {
                    let failed = try uploader.upload(Pattern.bytes(size, seed: seed), to: key)
                    failures.add(failed, ordering: .relaxed)
                } catch {
                    problems.add("\(key): \(error)")
                }
            }
            left.subtract(1, ordering: .sequentiallyConsistent)
        }
        print("storm: \(failures.load(ordering: .relaxed)) calls failed")
        #expect(problems.all == [])
        #expect(failures.load(ordering: .relaxed) > 0, "the storm did nothing")
        #expect(Set(try calm.keys()) == Set(uploads.map(\.key)))
        for (key, size, seed) in uploads { expectSame(try calm.get(key), Pattern.bytes(size, seed: seed)) }
    }
}
