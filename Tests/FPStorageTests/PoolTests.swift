import FPStorage
import Glibc
import Support
import Testing

@Suite struct `The pool of a store` {
    @Test(arguments: [(nil as Int?, 0, 16), (4, 0, 4), (32, 6, 6), (3, 6, 3), (24, 0, 24)])
    func `there are never more calls at once than threads, setting and plugin allow`(
        threads: Int?, concurrency: Int, most: Int
    ) async throws {
        let test = try await TestStore(
            settings: StoreSettings(threads: threads),
            options: [.integer(Int64(concurrency), key: "concurrency")])
        test.control.hang(.stat)
        await withTaskGroup { group in
            for _ in 0..<(most * 3) { group.addTask { _ = try? await test.store.stat("k") } }
            try? await eventually { test.control[.stat, .inFlight] == most }
            test.control.release(.stat)
        }
        #expect(test.control[.stat, .calls] == most * 3)
        #expect(test.control[.stat, .peak] == most)
    }

    @Test func `a thousand calls at once all come back`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 8, queue: 1000))
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        let sizes = await withTaskGroup(of: UInt64?.self) { group in
            for _ in 0..<1000 { group.addTask { try? await test.store.stat("k").size } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sizes == Array(repeating: 10, count: 1000))
        #expect(test.control[.stat, .peak] <= 8)
    }

    @Test func `a full queue refuses at once, before anything is done`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 2, queue: 3))
        test.control.hang(.stat)
        try await withThrowingTaskGroup { group in
            for _ in 0..<2 { group.addTask { _ = try? await test.store.stat("k") } }
            try await eventually { test.control[.stat, .inFlight] == 2 }
            for _ in 0..<3 {
                group.addTask {
                    // An extra call may have its place for a moment.
                    while await isRefused({ try await test.store.remove("k") }) {
                        try await Task.sleep(for: .milliseconds(2))
                    }
                }
            }
            // The three wait now, or soon will: until then an extra call waits with them, and is taken back.
            var error: StoreError?
            while error?.code != .unavailable {
                let extra = Task { try await failure { try await test.store.list() } }
                try await Task.sleep(for: .milliseconds(10))
                extra.cancel()
                error = try await extra.value
            }
            let refused = try #require(error)
            #expect(refused.retryAfter != nil)
            #expect(refused.message.contains("3 calls are waiting already"))
            #expect(test.control[.list, .calls] == 0)
            test.control.release(.stat)
        }
    }

    @Test func `health and discards do not wait behind data`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 1))
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        await writer.close()
        test.control.hang(.stat)
        let stuck = Task { try? await test.store.stat("k") }
        let waiting = Task { try? await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        #expect(try await test.store.health().state == .ok)
        try await test.store.discardWrite(token: writer.token)
        #expect(test.control[.writeDiscard, .calls] == 1)
        test.control.release(.stat)
        _ = await (stuck.value, waiting.value)
    }

    @Test func `a store that bears one call at a time gets one, health and close included`() async throws {
        let test = try await TestStore(options: [.scalar("instance", key: "threading")])
        try await test.store.put(WriteRequest(key: "k"), [bytes(1_000_000)], power: false)
        await withTaskGroup { group in
            for index in 0..<30 {
                group.addTask { _ = try? await test.store.stat("k") }
                group.addTask { _ = try? await test.store.health() }
                group.addTask { _ = try? await test.store.read("k").next() }
                group.addTask { _ = try? await test.store.put(WriteRequest(key: "\(index)"), [], power: false) }
            }
        }
        await test.store.shutdown()
        #expect(test.control[.readOpen, .calls] == 30)
        #expect(test.control[.readClose, .calls] == 30)
        #expect(test.control[.all, .peak] == 1)
    }

    @Test func `in a store of one thread, control calls overtake waiting data`() async throws {
        let test = try await TestStore(options: [.scalar("instance", key: "threading")])
        test.control.hang(.stat)
        let stuck = Task { try? await test.store.stat("k") }
        try await eventually { test.control[.stat, .inFlight] == 1 }
        test.control.hang(.health)
        let data = Task { try? await test.store.remove("k") }
        // Given time to queue, for the order in which tasks start is nobody's promise.
        try await Task.sleep(for: .milliseconds(100))
        let health = Task { _ = try? await test.store.health() }
        try await Task.sleep(for: .milliseconds(100))
        test.control.release(.stat)
        try await eventually { test.control[.health, .inFlight] == 1 }
        #expect(test.control[.remove, .calls] == 0)
        test.control.release(.health)
        _ = await (stuck.value, data.value, health.value)
        #expect(test.control[.remove, .calls] == 1)
    }

    @Test func `stores of a library that bears one call at a time share one thread`() async throws {
        let control = PluginControl()
        let library = try await TestStore.library()
        var stores: [TestStore] = []
        for name in ["a", "b"] {
            let options = [PluginConfigNode.scalar("library", key: "threading")]
            stores.append(try await TestStore(name, library: library, options: options, control: control))
        }
        await withTaskGroup { [stores] group in
            for _ in 0..<50 {
                for test in stores {
                    group.addTask { _ = try? await test.store.stat("k") }
                    group.addTask { _ = try? await test.store.health() }
                }
            }
        }
        #expect(control[.stat, .calls] == 100)
        #expect(control[.all, .peak] == 1)
    }

    @Test func `pool threads have their signals blocked and room on the stack`() async throws {
        let test = try await TestStore()
        #expect(try await test.store.stat("probe/signals").size == 1)
        #expect(try await test.store.stat("probe/stack").size >= 1 << 20)
    }

    @Test func `calls one after the other stay on one thread`() async throws {
        let test = try await TestStore()
        var threads: Set<UInt64> = []
        for _ in 0..<50 { threads.insert(try await test.store.stat("probe/thread").size) }
        #expect(threads.count == 1)
    }

    @Test func `idle threads end, and others are made when they are needed`() async throws {
        let test = try await TestStore(settings: StoreSettings(idleThreadLifetime: .milliseconds(20)))
        let thread = try await test.store.stat("probe/thread").size
        try await eventually { access("/proc/self/task/\(thread)", F_OK) != 0 }
        #expect(try await test.store.stat("probe/thread").size > 0)
    }

    @Test func `a store that is shut down refuses, and its instance is gone`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(1_000_000)], power: false)
        let reader = try await test.store.read("k")
        _ = try await reader.next()
        let writer = try await test.store.beginWrite(WriteRequest(key: "w"))
        await test.store.shutdown()
        #expect(test.control[.destroy, .calls] == 1)
        #expect(test.control[.readClose, .calls] == 1)
        #expect(test.control[.writeClose, .calls] == 2)
        #expect(try await failure { try await test.store.stat("k") }.code == .unavailable)
        #expect(try await failure { try await reader.next() }.code == .invalid)
        #expect(try await failure { try await writer.write([bytes(1)]) }.code == .invalid)
        await test.store.shutdown()
        #expect(test.control[.destroy, .calls] == 1)
    }

    @Test func `shutting down lets calls under way finish`() async throws {
        let test = try await TestStore()
        test.control.hang(.remove)
        let call = Task { try await test.store.remove("k") }
        try await eventually { test.control[.remove, .inFlight] == 1 }
        let ending = Task { await test.store.shutdown() }
        try await eventually { test.store.isShuttingDown }
        #expect(test.control[.destroy, .calls] == 0)
        test.control.release(.remove)
        try await call.value
        await ending.value
        #expect(test.control[.destroy, .calls] == 1)
    }

    @Test func `a store that nobody holds destroys its instance`() async throws {
        let control = PluginControl()
        do {
            let test = try await TestStore(control: control)
            _ = try? await test.store.stat("k")
        }
        try await eventually { control[.destroy, .calls] == 1 }
    }
}

private func isRefused(_ call: () async throws -> Void) async -> Bool {
    do {
        try await call()
        return false
    } catch {
        return (error as? StoreError)?.code == .unavailable
    }
}
