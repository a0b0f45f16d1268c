import FPContext
import FPStorage
import Support
import Testing

@Suite struct `A plugin that lies` {
    private func defect(
        _ operation: PluginControl.Operation, _ lie: Int, _ call: (Store) async throws -> Void
    ) async throws -> String {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(1_000_000)], power: false)
        test.control[operation, .lie] = lie
        let error = try await failure { try await call(test.store) }
        #expect(error.code == .internalError)
        #expect(error.message.hasPrefix("the plugin broke its contract: "))
        test.control[operation, .lie] = 0
        _ = try await test.store.stat("k")
        await test.store.shutdown()
        // Whatever was opened on the way is closed.
        #expect(
            test.control[.writeBegin, .calls] + test.control[.writeResume, .calls]
                - (operation == .writeBegin && lie == 1 ? 1 : 0) == test.control[.writeClose, .calls])
        #expect(
            test.control[.readOpen, .calls] - (operation == .readOpen ? 1 : 0) == test.control[.readClose, .calls])
        return error.message
    }

    @Test func `about sizes it read is found out`() async throws {
        let message = try await defect(.read, 2) { _ = try await $0.read("k").next() }
        #expect(message.contains("it claims 262244 bytes where there was room for 262144"))
    }

    @Test func `about the end of an object is found out`() async throws {
        let message = try await defect(.read, 3) { _ = try await $0.read("k").next() }
        #expect(message.contains("it ended before the last of the bytes that it promised"))
    }

    @Test func `and gives no reader is found out`() async throws {
        #expect(try await defect(.readOpen, 1) { _ = try await $0.read("k") }.contains("no reader"))
    }

    @Test func `and gives no size is found out`() async throws {
        #expect(try await defect(.stat, 1) { _ = try await $0.stat("k") }.contains("no size"))
    }

    @Test func `about the length of an etag is found out`() async throws {
        #expect(try await defect(.stat, 2) { _ = try await $0.stat("k") }.contains("longer than the room"))
    }

    @Test func `and gives no writer is found out`() async throws {
        let message = try await defect(.writeBegin, 1) { _ = try await $0.beginWrite(WriteRequest(key: "w")) }
        #expect(message.contains("no writer"))
    }

    @Test func `and gives no token is found out`() async throws {
        let message = try await defect(.writeBegin, 2) {
            _ = try await $0.beginWrite(WriteRequest(key: "w", resumable: true))
        }
        #expect(message.contains("no token"))
    }

    @Test func `about the length of a token is found out`() async throws {
        let message = try await defect(.writeBegin, 3) {
            _ = try await $0.beginWrite(WriteRequest(key: "w", resumable: true))
        }
        #expect(message.contains("longer than its room"))
    }

    @Test func `about more bytes than it was given is found out`() async throws {
        let message = try await defect(.writeSync, 1) {
            let writer = try await $0.beginWrite(WriteRequest(key: "w", resumable: true))
            try await writer.write([bytes(10)], thenSync: false)
        }
        #expect(message.contains("it calls 11 bytes durable, where it was given 10"))
    }

    @Test func `about bytes it called durable before is found out`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "w", resumable: true))
        try await writer.write([bytes(10)], thenSync: false)
        test.control[.writeSync, .lie] = 2
        let error = try await failure { try await writer.sync(power: false) }
        #expect(error.message.contains("it calls 0 bytes durable, where it had said 10 before"))
    }

    @Test func `about where it resumed is found out`() async throws {
        let message = try await defect(.writeResume, 1) {
            let writer = try await $0.beginWrite(WriteRequest(key: "w", resumable: true))
            try await writer.write([bytes(10)], thenSync: false)
            await writer.close()
            _ = try await $0.resumeWrite(token: writer.token, offset: 5)
        }
        #expect(message.contains("it stands at 6, where 5 was asked for"))
    }

    @Test func `about what it published is found out`() async throws {
        let message = try await defect(.writeCommit, 1) {
            try await $0.put(WriteRequest(key: "w"), [bytes(10)], power: false)
        }
        #expect(message.contains("it published 11 bytes, where 10 were to be committed"))
    }

    @Test func `and lists without end is stopped`() async throws {
        let test = try await TestStore()
        for index in 0..<20 { try await test.store.put(WriteRequest(key: "\(index)"), [], power: false) }
        test.control[.list, .lie] = 1
        #expect(try await test.store.list(limit: 5).entries.count == 6)
    }

    @Test func `about there being more is found out`() async throws {
        #expect(try await defect(.list, 2) { _ = try await $0.list() }.contains("its cursor is empty"))
    }

    @Test func `about its health is found out`() async throws {
        #expect(try await defect(.health, 1) { try await $0.health() }.contains("its state is 9"))
    }

    @Test func `and makes no instance is found out`() async throws {
        let control = PluginControl()
        control[.create, .lie] = 1
        let error = try await #require(throws: StoreError.self) { try await TestStore(control: control) }
        #expect(error.message.contains("no instance"))
    }

    @Test func `about its limits is found out, and its instance destroyed`() async throws {
        let control = PluginControl()
        control[.create, .lie] = 2
        let error = try await #require(throws: StoreError.self) { try await TestStore(control: control) }
        #expect(error.message.contains("max_key_bytes is 4096"))
        try await eventually { control[.destroy, .calls] == 1 }
    }
}

@Suite struct `What a plugin reports` {
    @Test(arguments: [
        (100, StoreError.Code.invalid), (101, .unsupported), (110, .notFound), (111, .exists), (112, .precondition),
        (113, .range), (114, .gone), (115, .conflict), (120, .denied), (121, .tooLarge), (122, .noSpace),
        (123, .checksum), (300, .cancelled), (400, .config), (401, .auth), (402, .corrupt), (900, .internalError),
        (901, .noMemory), (199, .other(199)), (999, .other(999)), (-5, .other(-5)),
    ])
    func `keeps its code, or at least its class`(status: Int, code: StoreError.Code) async throws {
        let test = try await TestStore()
        test.control.fail(.copy, status, times: 1, flags: 1)
        let error = try await failure { try await test.store.copy("a", to: "b") }
        #expect(error.code == code)
        #expect(error.store == "test")
        #expect(error.operation == "copy")
        #expect(error.osErrno == 5)
        #expect(error.nativeCode == 599)
        #expect(error.outcomeUnknown)
        #expect(!error.isRetryable || code == .noMemory)
    }

    @Test(arguments: [(200, StoreError.Code.transient), (201, .throttled), (202, .timeout), (299, .other(299))])
    func `can pass, if it says so`(status: Int, code: StoreError.Code) async throws {
        // Too little time for a second try.
        let test = try await TestStore(settings: StoreSettings(deadline: .seconds(1), longDeadline: .seconds(1)))
        test.control.fail(.copy, status, times: 1, retryAfterMilliseconds: 1500)
        let error = try await failure { try await test.store.copy("a", to: "b") }
        #expect(error.code == code)
        #expect(error.isRetryable)
        #expect(error.retryAfter == .milliseconds(1500))
        #expect(!error.outcomeUnknown)
    }

    @Test func `never shows a secret, and stays on one line`() async throws {
        let secret = "hunter2-hunter2"
        let test = try await TestStore(options: [
            .init(key: "secret", kind: .scalar(text: secret, i64: 0, f64: 0), isSecret: true)
        ])
        test.control.fail(.copy, 120, times: 1)
        let error = try await failure { try await test.store.copy("a", to: "b") }
        #expect(error.message == "asked to fail,  with ***")
        #expect(!"\(error)".contains(secret))
        let opened = try #require(test.log.lines.first { $0.message.hasPrefix("opened with") })
        #expect(opened.message.hasPrefix("opened with *** by trace"))
        #expect(opened.metadata == ["store": "test", "secret": "***"])
        #expect(!test.log.text.contains(secret))
    }

    @Test func `too often is dropped, and said to be`() async throws {
        let test = try await TestStore()
        _ = try await test.store.stat("log/5000")
        let lines = test.log.lines.filter { $0.message == "log/5000" }.count
        #expect((50...1000).contains(lines))
        try await eventually {
            test.log.lines.contains { $0.message.contains("lines were dropped") }
        } orMeanwhile: {
            _ = try? await test.store.stat("log/1")
        }
    }

    @Test func `carries the id of the request that it belongs to, there and in the host's line`() async throws {
        let context = RequestContext(id: "request-7")
        let test = try await RequestContext.$current.withValue(context) { try await TestStore() }
        #expect(test.log.text.contains("by trace request-7"))
        try await RequestContext.$current.withValue(RequestContext(id: "request-8")) {
            _ = try await test.store.stat("log/1")
        }
        let line = try #require(test.log.lines.first { $0.message == "log/1" })
        #expect(line.metadata[RequestContext.metadataKey] == "request-8")
        _ = try await test.store.stat("log/1")
        #expect(test.log.lines.last { $0.message == "log/1" }?.metadata[RequestContext.metadataKey] == nil)
    }

    @Test func `memory from the host is counted`() async throws {
        let test = try await TestStore()
        _ = try await test.store.stat("alloc/100000")
        #expect(test.store.allocatedBytes == 0)
        _ = try await test.store.stat("alloc/100000/leak")
        #expect((200_000...250_000).contains(test.store.allocatedBytes))
    }
}
