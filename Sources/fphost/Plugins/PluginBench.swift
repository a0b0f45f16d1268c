import FPStorage
import Foundation
import NIOCore

/// Measures a store through the same calls, and on the same threads, as the host uses it.
struct PluginBench {
    let store: Store
    let calls: Int
    let size: UInt64
    let block: Int

    private let key = "fphost-bench-" + UUID().uuidString.lowercased()
    private let clock = ContinuousClock()

    init(store: Store, calls: Int, size: UInt64, block: Int) {
        self.store = store
        self.calls = calls
        self.size = size
        self.block = block
    }

    /// - Throws: ``StoreError`` of the call that failed; the object is removed all the same.
    nonisolated(nonsending) func run(into figures: inout PluginFigures) async throws(StoreError) {
        figures.microsecondsPerCall = try await secondsPerCall() * 1e6
        do throws(StoreError) {
            figures.writeGibibytesPerSecond = rate(of: size, in: try await write())
            let (bytes, time) = try await read()
            if bytes > 0 { figures.readGibibytesPerSecond = rate(of: bytes, in: time) }
        } catch {
            try? await store.remove(key)
            throw error
        }
        try await store.remove(key)
    }

    private nonisolated(nonsending) func secondsPerCall() async throws(StoreError) -> Double {
        let start = clock.now
        for _ in 0..<calls {
            do throws(StoreError) {
                _ = try await store.stat(key)
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
        return seconds(clock.now - start) / Double(calls)
    }

    private nonisolated(nonsending) func write() async throws(StoreError) -> Duration {
        let whole = ByteBuffer(repeating: 0x5A, count: block)
        let start = clock.now
        let writer = try await store.beginWrite(WriteRequest(key: key, size: size))
        do throws(StoreError) {
            var left = size
            while left > 0 {
                let part = whole.getSlice(at: 0, length: Int(min(left, UInt64(block)))) ?? whole
                try await writer.write([part])
                left -= UInt64(part.readableBytes)
            }
            _ = try await writer.commit(size: size, power: false)
        } catch {
            await writer.close()
            throw error
        }
        await writer.close()
        return clock.now - start
    }

    private nonisolated(nonsending) func read() async throws(StoreError) -> (UInt64, Duration) {
        let start = clock.now
        let reader = try await store.read(key)
        defer { reader.close() }
        var count: UInt64 = 0
        while let part = try await reader.next() { count += UInt64(part.readableBytes) }
        return (count, clock.now - start)
    }

    private func rate(of bytes: UInt64, in time: Duration) -> Double {
        Double(bytes) / Double(1 << 30) / max(seconds(time), 1e-9)
    }

    private func seconds(_ time: Duration) -> Double { time.milliseconds / 1000 }
}
