import FPStorage
import Support
import Testing

@Suite struct `Trying again` {
    @Test(arguments: [200, 201, 202, 250])
    func `is done for calls that may be repeated, when the failure may pass`(status: Int) async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        for operation in [PluginControl.Operation.stat, .readOpen, .remove, .list, .writeBegin, .presign] {
            test.control.fail(operation, status, times: 2)
        }
        _ = try await test.store.stat("k")
        _ = try await test.store.read("k")
        _ = try await test.store.list()
        _ = try await test.store.presign(PresignRequest(key: "k", lifetime: .seconds(1)))
        _ = try await test.store.beginWrite(WriteRequest(key: "w"))
        try await test.store.remove("k")
        for operation in [PluginControl.Operation.stat, .readOpen, .remove, .list, .presign] {
            #expect(test.control[operation, .calls] == 3, "\(operation)")
        }
        #expect(test.store.state == .ok)
    }

    @Test(arguments: [100, 110, 120, 122, 401, 402, 900, 901])
    func `is not done when it cannot help`(status: Int) async throws {
        let test = try await TestStore()
        test.control.fail(.stat, status)
        _ = try await failure { try await test.store.stat("k") }
        #expect(test.control[.stat, .calls] == 1)
    }

    @Test func `ends after five tries`() async throws {
        let test = try await TestStore()
        test.control.fail(.stat, 200)
        #expect(try await failure { try await test.store.stat("k") }.code == .transient)
        #expect(test.control[.stat, .calls] == 5)
    }

    @Test func `waits as long as the back-end asks`() async throws {
        let test = try await TestStore()
        test.control.fail(.stat, 201, times: 1, retryAfterMilliseconds: 700)
        let start = ContinuousClock.now
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        #expect(ContinuousClock.now - start >= .milliseconds(700))
    }

    @Test func `is not done if the time would be up before`() async throws {
        let test = try await TestStore(settings: StoreSettings(deadline: .seconds(5)))
        test.control.fail(.stat, 201, retryAfterMilliseconds: 60_000)
        let start = ContinuousClock.now
        let error = try await failure { try await test.store.stat("k") }
        #expect(error.code == .throttled)
        #expect(error.retryAfter == .seconds(60))
        #expect(ContinuousClock.now - start < .seconds(4))
        #expect(test.control[.stat, .calls] == 1)
    }
}

@Suite struct `A back-end that fails` {
    @Test func `takes its store down once it does not answer a question either, and health brings it back`()
        async throws
    {
        let test = try await TestStore()
        test.control.fail(.write, 200)
        test.control.fail(.health, 200)
        // Nothing of a write that succeeds may come in between, so the writers are there beforehand.
        var writers: [StoreWriter] = []
        for index in 0..<9 { writers.append(try await test.store.beginWrite(WriteRequest(key: "k\(index)"))) }
        var states: [StoreHealth.State] = []
        for writer in writers.prefix(7) {
            #expect(try await failure { try await writer.write([bytes(1)]) }.code == .transient)
            states.append(test.store.state)
        }
        #expect(states == [.ok, .ok, .degraded, .degraded, .degraded, .degraded, .degraded])
        #expect(test.control[.health, .calls] == 0)
        #expect(try await failure { try await writers[7].write([bytes(1)]) }.code == .transient)
        try await eventually { test.store.state == .down }
        #expect(try await failure { try await writers[8].write([bytes(1)]) }.code == .unavailable)
        #expect(test.control[.write, .calls] == 8)
        #expect(test.control[.health, .calls] == 1)
        #expect(test.log.text.contains("the store is DOWN"))
        test.control.heal(.write)
        test.control.heal(.health)
        try await test.store.health()
        #expect(test.store.state == .ok)
        #expect(try await failure { try await test.store.stat("absent") }.code == .notFound)
        #expect(test.log.text.contains("the store is well again"))
    }

    @Test func `now and then does not`() async throws {
        let test = try await TestStore()
        for _ in 0..<20 {
            test.control.fail(.stat, 200, times: 2)
            _ = try await failure { try await test.store.stat("a") }
        }
        #expect(test.store.state == .ok)
        #expect(test.control[.stat, .calls] == 60)
        #expect(test.control[.health, .calls] == 0)
    }

    @Test(arguments: [200, 202, 250, 401])
    func `on one key only is that key's trouble, however often it is tried`(status: Int) async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "good"), [bytes(10)], power: false)
        test.control[.writeBegin, .refusal] = status
        for _ in 0..<12 {
            let error = try await failure {
                try await test.store.put(WriteRequest(key: "refused/\u{1F600}"), [bytes(10)], power: false)
            }
            #expect(error.code == StoreError.Code(status: Int32(status)))
        }
        try await eventually { test.control[.health, .calls] > 0 }
        try await eventually { test.control[.health, .inFlight] == 0 }
        #expect(test.store.state <= .degraded)
        for index in 0..<12 {
            #expect(
                try await test.store.put(WriteRequest(key: "good/\(index)"), [bytes(10)], power: false).size == 10)
        }
        #expect(test.store.state == .ok, "\(test.store.stateReason)")
        #expect(!test.log.text.contains("DOWN"))
    }

    @Test func `on one key is asked after less often than on many`() async throws {
        let one = try await TestStore()
        let many = try await TestStore()
        for test in [one, many] { test.control[.stat, .refusal] = 200 }
        // Each is five tries.
        for index in 0..<4 {
            _ = try await failure { try await one.store.stat("refused") }
            _ = try await failure { try await many.store.stat("refused/\(index)") }
        }
        try await eventually { many.control[.health, .calls] == 1 }
        #expect(one.control[.health, .calls] == 0)
        try await eventually { many.store.state == .degraded }
        #expect(try await failure { try await many.store.stat("absent") }.code == .notFound)
        #expect(many.store.state == .ok)
    }

    @Test func `just after it came back is asked again at once`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        try await goDownAndUp(test)
        test.control.fail(.health, 200)
        test.control.fail(.write, 200, times: 1)
        #expect(try await failure { try await writer.write([bytes(1)]) }.code == .transient)
        try await eventually { test.store.state == .down }
        test.control.heal(.health)
        try await test.store.health()
        #expect(test.store.state == .ok)
        // One success ends its probation.
        #expect(try await failure { try await test.store.stat("absent") }.code == .notFound)
        let calls = test.control[.health, .calls]
        let second = try await test.store.beginWrite(WriteRequest(key: "k"))
        test.control.fail(.write, 200, times: 1)
        #expect(try await failure { try await second.write([bytes(1)]) }.code == .transient)
        #expect(test.store.state == .ok)
        #expect(test.control[.health, .calls] == calls)
    }

    private func goDownAndUp(_ test: TestStore) async throws {
        for (lie, state) in [(2, StoreHealth.State.down), (0, .ok)] {
            test.control[.health, .lie] = lie
            try await test.store.health()
            #expect(test.store.state == state)
        }
    }

    @Test func `with our credentials takes the store down at once, if it rejects them wherever it is asked`()
        async throws
    {
        let test = try await TestStore()
        test.control.fail(.copy, 401)
        test.control.fail(.health, 401)
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .auth)
        try await eventually { test.store.state == .down }
        #expect(test.control[.copy, .calls] == 1)
    }

    @Test func `is asked by one of the callers once its pause is over`() async throws {
        let test = try await TestStore()
        test.control.fail(.health, 401, times: 1)
        _ = try? await test.store.health()
        #expect(test.store.state == .down)
        try await eventually {
            test.store.state == .ok
        } orMeanwhile: {
            await withTaskGroup { group in
                for _ in 0..<10 { group.addTask { _ = try? await test.store.copy("a", to: "b") } }
            }
        }
        #expect(test.control[.health, .calls] == 2)
    }

    @Test(arguments: [24, 23, 12])
    func `for want of descriptors or memory in this host is not at fault`(number: Int) async throws {
        let test = try await TestStore()
        test.control[.stat, .osErrno] = number
        test.control[.health, .osErrno] = number
        test.control.fail(.stat, 200)
        test.control.fail(.health, 200)
        for index in 0..<4 {
            let error = try await failure { try await test.store.stat("k\(index)") }
            #expect(error.isHostExhausted)
            _ = try await failure { try await test.store.health() }
        }
        #expect(test.store.state == .ok)
        #expect(test.control[.health, .calls] == 4)
    }

    @Test func `when it says that it is unfit is down, however well calls go`() async throws {
        let test = try await TestStore()
        test.control[.health, .lie] = 2
        #expect(try await test.store.health().state == .down)
        #expect(test.store.state == .down)
        #expect(try await failure { try await test.store.stat("k") }.code == .unavailable)
    }

    @Test func `is watched by the monitor until it is told to stop`() async throws {
        let test = try await TestStore(settings: StoreSettings(healthInterval: .milliseconds(50)))
        let monitor = Task { await test.store.monitor() }
        try await eventually { test.control[.health, .calls] >= 3 }
        test.control.fail(.health, 200)
        try await eventually { test.store.state == .down }
        test.control.heal(.health)
        try await eventually { test.store.state == .ok }
        monitor.cancel()
        await monitor.value
    }

    @Test func `may learn on first contact what it can do`() async throws {
        let test = try await TestStore()
        #expect(!test.store.capabilities.contains(.space))
        let health = try await test.store.health()
        #expect(test.store.capabilities.contains(.space))
        #expect(health.totalBytes == 1000)
        #expect(health.usedBytes == nil)
        #expect(health.freeBytes == 400)
        #expect(health.detail == "in memory")
        #expect(test.store.limits.readSize == 256 * 1024)
        #expect(test.store.limits.maxConcurrency == 16)
        #expect(test.store.limits.tokenTTL == nil)
        #expect(test.store.limits.rewindUnit == 1)
    }
}
