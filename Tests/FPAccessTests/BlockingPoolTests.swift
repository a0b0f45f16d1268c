import Foundation
import Synchronization
import Testing

@testable import FPAccess

@Suite struct BlockingPoolTests {
    @Test func `two jobs run at once, some more wait, and what is beyond is refused at once`() async {
        let pool = BlockingPool(threads: 2, capacity: 3)
        let (running, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        await withTaskGroup(of: Int?.self) { group in
            for number in 0..<2 {
                group.addTask {
                    await pool.run {
                        running.signal()
                        gate.wait()
                        return number
                    }
                }
                await onPoolThread { running.wait() }
            }
            // Nobody is there for these.
            for number in 2..<7 { group.addTask { await pool.run { number } } }
            let refused = [await group.next(), await group.next()]
            #expect(refused == [.some(nil), .some(nil)])
            gate.signal()
            gate.signal()
            let made = await group.reduce(into: Set<Int>()) { made, number in
                if let number { made.insert(number) }
            }
            #expect(made.count == 5 && made.isSuperset(of: [0, 1]))
        }
        // The threads have ended; others come.
        #expect(await pool.run { 7 } == 7)
    }

    @Test func `what comes first is run first, and has a place where the others have none`() async {
        let pool = BlockingPool(threads: 1, capacity: 2)
        let (running, gate) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let order = Order()
        await withTaskGroup(of: String?.self) { group in
            group.addTask {
                await pool.run {
                    running.signal()
                    gate.wait()
                    return "running"
                }
            }
            await onPoolThread { running.wait() }
            // One of each three finds no place, so that the other two wait.
            for (word, isFirst) in [("other", false), ("first", true)] {
                for _ in 0..<3 {
                    group.addTask {
                        await pool.run(first: isFirst) {
                            order.words.withLock { $0.append(word) }
                            return word
                        }
                    }
                }
                #expect(await group.next() == .some(nil))
            }
            gate.signal()
            for await _ in group {}
        }
        #expect(order.words.withLock(\.self) == ["first", "first", "other", "other"])
    }

    private final class Order: Sendable {
        let words = Mutex<[String]>([])
    }

    /// Waits without holding one of Swift's own threads.
    private func onPoolThread(_ wait: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                wait()
                continuation.resume()
            }
        }
    }

    @Test func `an entry is forgotten in time, and the older half goes where there is no room`() {
        var table = AgingTable<Int, String>(lifetime: .seconds(10), capacity: 100)
        for number in 0..<1000 {
            table.set("\(number)", for: number, at: .milliseconds(number))
            #expect(table.count <= 100)
            #expect(table.value(of: number, at: .milliseconds(number)) == "\(number)")
        }
        #expect(table.value(of: 0, at: .seconds(1)) == nil)
        #expect(table.value(of: 960, at: .seconds(1)) == "960")
        #expect(table.value(of: 999, at: .milliseconds(10_998)) == "999")
        #expect(table.value(of: 999, at: .milliseconds(10_999)) == nil)
    }

    @Test func `a user who does not exist is compared with a password that does, always the same one`() throws {
        let hash = "$2y$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW"
        let table = try PasswordTable(Array("ann:\(hash)\n".utf8), path: "")
        for user in ["nobody", "root", "Ann"] {
            let (found, isReal) = table.hash(of: user)
            #expect(!isReal)
            // It takes the whole check to find out.
            #expect(found.accepts("sesame"))
        }
        #expect(table.hash(of: "ann").isReal)
        let (nobody, isReal) = try PasswordTable([], path: "").hash(of: "ann")
        #expect(!isReal && !nobody.accepts("sesame"))
    }
}
