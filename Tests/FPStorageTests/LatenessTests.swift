import FPStorage
import Glibc
import NIOCore
import Support
import Synchronization
import Testing

/// Times that let a test see a plugin being given up without waiting for long.
private let impatient = StoreSettings(
    threads: 2, deadline: .milliseconds(300), longDeadline: .milliseconds(300), hangGrace: .milliseconds(300))

@Suite struct `Deadlines` {
    @Test func `a slow call ends by its deadline`() async throws {
        let test = try await TestStore(
            settings: StoreSettings(deadline: .milliseconds(200), longDeadline: .milliseconds(200)))
        test.control[.copy, .sleepMilliseconds] = 60_000
        let start = ContinuousClock.now
        let error = try await failure { try await test.store.copy("a", to: "b") }
        #expect(error.code == .timeout)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func `long calls have a longer one`() async throws {
        let test = try await TestStore(
            settings: StoreSettings(deadline: .milliseconds(100), longDeadline: .seconds(60)))
        try await test.store.put(WriteRequest(key: "a"), [bytes(1)], power: false)
        test.control[.copy, .sleepMilliseconds] = 300
        #expect(try await test.store.copy("a", to: "b").info.size == 1)
        test.control[.stat, .sleepMilliseconds] = 300
        #expect(try await failure { try await test.store.stat("a") }.code == .timeout)
    }

    @Test func `a write has the short one, and the sync behind it in the same job the longer one`() async throws {
        let test = try await TestStore(
            settings: StoreSettings(deadline: .milliseconds(200), longDeadline: .seconds(60)))
        let writer = try await test.store.beginWrite(WriteRequest(key: "a", resumable: true))
        test.control[.writeSync, .sleepMilliseconds] = 500
        #expect(try await writer.write([bytes(10)], thenSync: false).durableOffset == 10)
        #expect(test.control[.writeSync, .calls] == 1, "a sync that is cut off is repeated")
        test.control[.write, .sleepMilliseconds] = 60_000
        let start = ContinuousClock.now
        let error = try await failure { try await writer.write([bytes(10)], thenSync: false) }
        #expect(error.code == .timeout)
        #expect(ContinuousClock.now - start < .seconds(5))
        await writer.close()
    }

    @Test func `what follows is written in the same job, in order, until it is not known what follows`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "a", resumable: true))
        let rest = Rest([[bytes(3)], [bytes(2), bytes(1)]])
        #expect(try await writer.write([bytes(4)], thenSync: false, following: { rest.next() }) == nil)
        #expect(writer.offset == 10)
        #expect(test.control[.writeSync, .calls] == 0)
        #expect(try await writer.commit(size: 10, power: false).size == 10)
    }

    private final class Rest: Sendable {
        private let pieces: Mutex<[[ByteBuffer]]>
        init(_ pieces: [[ByteBuffer]]) { self.pieces = Mutex(pieces) }
        func next() -> [ByteBuffer]? { pieces.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }

    @Test func `time spent waiting for a thread counts`() async throws {
        let test = try await TestStore(
            settings: StoreSettings(threads: 1, deadline: .milliseconds(300), hangGrace: .seconds(60)))
        test.control.hang(.stat)
        let stuck = Task { try? await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        let error = try await failure { try await test.store.remove("k") }
        #expect(error.code == .timeout)
        #expect(!error.outcomeUnknown)
        #expect(error.message.contains("for a thread"))
        test.control.release(.stat)
        _ = await stuck.value
        #expect(test.control[.remove, .calls] == 0)
    }
}

@Suite struct `Cancelling a task` {
    @Test func `ends the call in the plugin within a second`() async throws {
        let test = try await TestStore()
        test.control[.stat, .sleepMilliseconds] = 60_000
        let call = Task { try await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        let start = ContinuousClock.now
        call.cancel()
        #expect(try await failure { try await call.value }.code == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(test.control[.stat, .inFlight] == 0)
        test.control[.stat, .sleepMilliseconds] = 0
        #expect(
            try await failure { try await test.store.stat("k") }.code == .notFound, "the thread is fit for use again")
    }

    @Test func `returns within a second even if the plugin does not`() async throws {
        let test = try await TestStore()
        test.control.hang(.remove)
        let call = Task { try await test.store.remove("k") }
        try await eventually { test.control[.remove, .inFlight] == 1 }
        let start = ContinuousClock.now
        call.cancel()
        let error = try await failure { try await call.value }
        #expect(error.code == .cancelled)
        #expect(error.outcomeUnknown)
        // One second of the contract's, and what a busy machine adds to it.
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(test.control[.remove, .inFlight] == 1)
        test.control.release(.remove)
        try await eventually { test.log.text.contains("remove came back after") }
    }

    @Test func `takes a waiting call out of the queue without a trace`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 1))
        test.control.hang(.stat)
        let stuck = Task { try? await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        let waiting = Task { try await test.store.remove("k") }
        try await Task.sleep(for: .milliseconds(50))
        waiting.cancel()
        let error = try await failure { try await waiting.value }
        #expect(error.code == .cancelled)
        #expect(!error.outcomeUnknown)
        test.control.release(.stat)
        _ = await stuck.value
        #expect(test.control[.remove, .calls] == 0)
    }

    @Test func `before the call is as good as during it`() async throws {
        let test = try await TestStore()
        let call = Task {
            while !Task.isCancelled { await Task.yield() }
            try await test.store.remove("k")
        }
        call.cancel()
        #expect(try await failure { try await call.value }.code == .cancelled)
        #expect(test.control[.remove, .calls] == 0)
    }

    @Test func `a write that never began does not spoil its writer`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 1))
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        test.control.hang(.stat)
        let stuck = Task { try? await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        let write = Task { try await writer.write([bytes(10)]) }
        try await Task.sleep(for: .milliseconds(50))
        write.cancel()
        #expect(try await failure { try await write.value }.code == .cancelled)
        test.control.release(.stat)
        _ = await stuck.value
        try await writer.write([bytes(20)])
        #expect(try await writer.commit(size: 20, power: false).size == 20)
    }

    @Test func `between two tries ends the tries`() async throws {
        let test = try await TestStore()
        test.control.fail(.stat, 201, retryAfterMilliseconds: 20_000)
        let call = Task { try await test.store.stat("k") }
        try await eventually { test.control[.stat, .calls] == 1 }
        call.cancel()
        #expect(try await failure { try await call.value }.code == .cancelled)
        #expect(test.control[.stat, .calls] == 1)
    }

    @Test func `at any moment resumes every call exactly once`() async throws {
        let seed = UInt64.random(in: 1...UInt64.max)
        print("seed \(seed)")
        var random = SplitMix(state: seed)
        let test = try await TestStore(settings: StoreSettings(threads: 3, queue: 1000))
        try await withThrowingTaskGroup { group in
            for _ in 0..<400 {
                let pause = Int.random(in: 0...3000, using: &random)
                group.addTask {
                    let call = Task { try await test.store.stat("k") }
                    let cancelling = Task {
                        try await Task.sleep(for: .microseconds(pause))
                        call.cancel()
                    }
                    let error = try await failure { try await call.value }
                    #expect(error.code == .notFound || error.code == .cancelled)
                    try await cancelling.value
                }
            }
            try await group.waitForAll()
        }
        #expect(test.control[.stat, .inFlight] == 0)
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
    }
}

@Suite struct `A call that hangs` {
    @Test func `is written off after its grace, and its thread replaced`() async throws {
        let test = try await TestStore(settings: impatient)
        try await test.store.put(WriteRequest(key: "k"), [bytes(1)], power: false)
        test.control.hang(.copy)
        let error = try await failure { try await test.store.copy("k", to: "t") }
        #expect(error.code == .timeout)
        #expect(error.outcomeUnknown)
        #expect(error.message.contains("its thread is written off"))
        #expect(test.store.state == .degraded)
        #expect(test.store.condition.problems.map(\.kind).contains(.stuck))
        #expect(test.store.condition.problems.contains { $0.reason.contains("copy, begun") })
        #expect(test.log.text.contains("its thread is written off"))
        // Two threads still, beside the lost one.
        test.control.hang(.stat)
        let others = (0..<2).map { _ in Task { try? await test.store.stat("k") } }
        try await eventually { test.control[.stat, .inFlight] == 2 }
        test.control.release(.stat)
        for other in others { _ = await other.value }
        test.control.release(.copy)
        try await eventually { test.log.text.contains("copy came back after") }
        await test.store.shutdown()
        #expect(test.control[.destroy, .calls] == 1)
    }

    @Test func `again and again takes the store down if health hangs as well, and no other`() async throws {
        let test = try await TestStore(settings: impatient)
        let other = try await TestStore("other")
        test.control.hang(.copy)
        test.control.hang(.health)
        for index in 0..<2 { _ = try? await test.store.copy("k", to: "t\(index)") }
        try await eventually { test.store.condition.problems.contains { $0.kind == .down } }
        let start = ContinuousClock.now
        let error = try await failure { try await test.store.stat("k") }
        #expect(error.code == .unavailable)
        #expect(error.retryAfter ?? .zero >= .seconds(1))
        #expect(error.message.contains("the store is down"))
        #expect(ContinuousClock.now - start < .milliseconds(250))
        #expect(test.control[.stat, .calls] == 0)
        #expect(other.store.state == .ok)
        #expect(try await failure { try await other.store.stat("k") }.code == .notFound)
        test.control.release(.copy)
        test.control.release(.health)
        #expect(try await test.store.health().state == .ok)
        try await eventually { test.control[.copy, .inFlight] == 0 }
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        try await eventually { test.store.state == .ok }
    }

    @Test func `is replaced as often as there are threads, and no more, however well health answers`() async throws {
        let test = try await TestStore(settings: impatient)
        test.control.hang(.copy)
        var stuck = 0
        for index in 0..<12 {
            async let copy: CopyResult? = try? test.store.copy("k", to: "t\(index)")
            _ = try? await test.store.health()
            _ = await copy
            stuck = test.control[.copy, .inFlight]
        }
        #expect(stuck == 4)
        #expect(try await test.store.health().state == .ok)
        #expect(test.store.state == .down, "it says that it is well, but there is no thread to run a call")
        #expect(test.store.condition.problems.contains { $0.kind == .exhausted })
        let start = ContinuousClock.now
        #expect(try await failure { try await test.store.stat("k") }.code == .unavailable)
        #expect(ContinuousClock.now - start < .milliseconds(250), "it says so at once")
        test.control.release(.copy)
        // By itself, as the threads come back.
        try await eventually { test.store.state == .ok }
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
    }

    @Test func `or takes longer than the deadline is seen while it lasts`() async throws {
        let test = try await TestStore(
            settings: StoreSettings(deadline: .milliseconds(100), longDeadline: .seconds(60)))
        try await test.store.put(WriteRequest(key: "k"), [bytes(1)], power: false)
        test.control.hang(.copy)
        let copy = Task { try await test.store.copy("k", to: "t") }
        try await eventually { test.store.condition.problems.map(\.kind) == [.late] }
        #expect(test.store.state == .degraded)
        let problem = try #require(test.store.condition.problems.first)
        #expect(problem.reason.contains("copy, begun") && problem.reason.contains("longer than the deadline of 100 ms"))
        test.control.release(.copy)
        #expect(try await copy.value.info.size == 1)
        #expect(test.store.condition.problems.isEmpty)
    }

    @Test func `in a store of one thread is not replaced, for that would be two calls at once`() async throws {
        let test = try await TestStore(settings: impatient, options: [.scalar("instance", key: "threading")])
        test.control.hang(.copy)
        _ = try? await test.store.copy("k", to: "t")
        #expect(try await failure { try await test.store.stat("k") }.code == .unavailable)
        #expect(try await failure { try await test.store.health() }.code == .unavailable)
        test.control.release(.copy)
        try await eventually { test.control[.copy, .inFlight] == 0 }
        try await eventually {
            test.control[.stat, .calls] > 0
        } orMeanwhile: {
            _ = try? await test.store.health()
            _ = try? await test.store.stat("k")
        }
        #expect(test.control[.all, .peak] == 1)
    }

    @Test func `in health leaves data alone`() async throws {
        let test = try await TestStore(settings: impatient)
        test.control.hang(.health)
        let health = Task { try? await test.store.health() }
        try await eventually { test.control[.health, .inFlight] == 1 }
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        #expect(await health.value == nil)
        #expect(test.store.state == .degraded)
        test.control.release(.health)
    }

    @Test func `with a handle closes the handle when it comes back`() async throws {
        let test = try await TestStore(settings: impatient)
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        test.control.hang(.write)
        let buffer = bytes(100_000)
        #expect(try await failure { try await writer.write([buffer]) }.code == .timeout)
        #expect(try await failure { try await writer.write([buffer]) }.code == .invalid)
        await writer.close()
        #expect(test.control[.writeClose, .calls] == 0)
        test.control.release(.write)
        try await eventually { test.control[.writeClose, .calls] == 1 }
        await test.store.shutdown()
        #expect(test.control[.destroy, .calls] == 1)
    }

    @Test func `while the store opens is given up, and the late instance destroyed`() async throws {
        let library = try PluginLibrary.load(
            path: await TestPlugins.compile("memory", name: "Slow"), expectedName: "Slow", host: TestStore.host,
            logger: LogRecorder().logger)
        let control = PluginControl()
        control.hang(.create)
        let error = try await #require(throws: StoreError.self) {
            try await TestStore(library: library, settings: impatient, control: control)
        }
        #expect(error.code == .timeout)
        control.release(.create)
        try await eventually { control[.destroy, .calls] == 1 }
    }

    @Test func `past a shutdown keeps the instance until it comes back`() async throws {
        let test = try await TestStore(settings: impatient)
        test.control.hang(.remove)
        #expect(try await failure { try await test.store.remove("k") }.code == .timeout)
        await test.store.shutdown()
        #expect(test.control[.destroy, .calls] == 0)
        #expect(test.log.text.contains("left behind"))
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
