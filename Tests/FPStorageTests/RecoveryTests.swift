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

    @Test(arguments: [PluginControl.Operation.copy, .write, .writeSync, .writeCommit])
    func `is never done for calls that may not be repeated`(operation: PluginControl.Operation) async throws {
        let test = try await TestStore()
        test.control.fail(operation, 200)
        let error = try await failure {
            let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
            try await writer.write([bytes(1)])
            try await writer.sync(power: false)
            try await writer.commit(size: 1, power: false)
            try await test.store.copy("k", to: "t")
        }
        #expect(error.code == .transient)
        #expect(test.control[operation, .calls] == 1)
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
    @Test func `takes its store down step by step, and health brings it back`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 200)
        var states: [StoreHealth.State] = []
        for _ in 0..<8 {
            #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .transient)
            states.append(test.store.state)
        }
        #expect(states == [.ok, .ok, .degraded, .degraded, .degraded, .degraded, .degraded, .down])
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .unavailable)
        #expect(test.control[.copy, .calls] == 8)
        #expect(test.log.text.contains("the store is DOWN"))
        test.control.heal(.copy)
        try await test.store.health()
        #expect(test.store.state == .ok)
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .notFound)
        #expect(test.log.text.contains("the store is well again"))
    }

    @Test func `now and then does not`() async throws {
        let test = try await TestStore()
        for _ in 0..<20 {
            test.control.fail(.copy, 200, times: 2)
            for _ in 0..<3 { _ = try? await test.store.copy("a", to: "b") }
        }
        #expect(test.store.state == .ok)
        #expect(test.control[.copy, .calls] == 60)
    }

    @Test func `just after it came back goes down at once`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 200)
        for _ in 0..<8 { _ = try? await test.store.copy("a", to: "b") }
        try await test.store.health()
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .transient)
        #expect(test.store.state == .down)
        test.control.heal(.copy)
        try await test.store.health()
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .notFound)
        test.control.fail(.copy, 200, times: 1)
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .transient)
        #expect(test.store.state == .ok, "one success ended its probation")
    }

    @Test func `with our credentials takes the store down at once`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 401)
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .auth)
        #expect(test.store.state == .down)
    }

    @Test func `is asked by one of the callers once its pause is over`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 401, times: 1)
        _ = try? await test.store.copy("a", to: "b")
        #expect(test.store.state == .down)
        try await eventually {
            test.store.state == .ok
        } orMeanwhile: {
            await withTaskGroup { group in
                for _ in 0..<10 { group.addTask { _ = try? await test.store.copy("a", to: "b") } }
            }
        }
        #expect(test.control[.health, .calls] == 1)
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
