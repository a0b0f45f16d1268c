import FPCurl
import Testing

@testable import FPFetch

@Suite struct ExchangeTests {
    /// One that has nothing to move: nobody is there to be woken.
    private static let driver = Result { try Driver() }

    @Test("No more than its capacity is kept, in order, whatever the sizes")
    func capacity() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of capacity: \(seed)")
        var generator = Seeded(seed)
        let exchange = Exchange(try Self.driver.get(), capacity: 100_000)
        var offered: [UInt8] = []
        var taken: [UInt8] = []
        for _ in 0..<300 {
            let piece = (0..<Int.random(in: 1...16_384, using: &generator)).map {
                UInt8(truncatingIfNeeded: $0 &+ offered.count)
            }
            switch piece.withUnsafeBytes({ exchange.offer($0) }) {
            case .taken:
                offered += piece
            case .full:
                #expect(offered.count - taken.count + piece.count > 100_000)
                for _ in 0..<Int.random(in: 1...3, using: &generator) where taken.count < offered.count {
                    taken += try #require(try await exchange.next(isolation: nil).get()).readableBytesView
                }
            case .unwanted:
                Issue.record("nobody said that it is not wanted")
            }
            #expect(offered.count - taken.count <= 100_000)
        }
        exchange.finish()
        while let piece = try await exchange.next(isolation: nil).get() { taken += piece.readableBytesView }
        #expect(taken == offered)
    }

    @Test("What arrived before an error is given out before the error; after a cancellation nothing is")
    func endings() async throws {
        let exchange = Exchange(try Self.driver.get(), capacity: 100)
        #expect([1, 2, 3].withUnsafeBytes { exchange.offer($0) } == .taken)
        exchange.finish(FetchError(.incomplete, detail: ""))
        exchange.finish()
        #expect(try await exchange.next(isolation: nil).get() != nil)
        await #expect { try await exchange.next(isolation: nil).get() } throws: {
            ($0 as? FetchError)?.reason == .incomplete
        }

        let cancelled = Exchange(try Self.driver.get(), capacity: 100)
        #expect([1, 2, 3].withUnsafeBytes { cancelled.offer($0) } == .taken)
        cancelled.cancel()
        #expect([1, 2, 3].withUnsafeBytes { cancelled.offer($0) } == .unwanted)
        await #expect { try await cancelled.next(isolation: nil).get() } throws: {
            ($0 as? FetchError)?.reason == .cancelled
        }
    }
    @Test("A cancellation that meets the end never makes a part look whole")
    func cancelledAtTheEnd() async throws {
        for _ in 0..<300 {
            let exchange = Exchange(try Self.driver.get(), capacity: 1000)
            #expect([UInt8](repeating: 1, count: 100).withUnsafeBytes { exchange.offer($0) } == .taken)
            async let cancelling: Void = exchange.cancel()
            async let finishing: Void = exchange.finish()
            var received = 0
            var outcome = await exchange.next(isolation: nil)
            while case .success(let piece?) = outcome {
                received += piece.readableBytes
                outcome = await exchange.next(isolation: nil)
            }
            if case .success = outcome { #expect(received == 100) }
            _ = await (cancelling, finishing)
        }
    }

    @Test("A piece that is larger than the capacity is taken when nothing else is kept")
    func largePiece() throws {
        let exchange = Exchange(try Self.driver.get(), capacity: 1)
        #expect([1, 2, 3].withUnsafeBytes { exchange.offer($0) } == .taken)
        #expect([1, 2, 3].withUnsafeBytes { exchange.offer($0) } == .full)
    }
}
