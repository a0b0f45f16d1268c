import FPStorage
import NIOCore
import Support
import Testing

@Suite struct `Objects in a store` {
    @Test func `what was put is there, whole`() async throws {
        let test = try await TestStore()
        let content = bytes(600_000)
        let written = try await test.store.put(WriteRequest(key: "a/b"), [content, bytes(10)], power: true)
        #expect(written.size == 600_010)
        let info = try await test.store.stat("a/b")
        #expect(info == written)
        #expect(info.etag != nil)
        let reader = try await test.store.read("a/b")
        #expect(reader.info == info)
        var expected = content
        expected.writeImmutableBuffer(bytes(10))
        #expect(try await reader.rest() == expected)
        await test.store.shutdown()
    }

    @Test func `an object of no bytes is an object`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "empty"), [], power: false)
        let reader = try await test.store.read("empty")
        #expect(reader.info.size == 0)
        #expect(try await reader.next() == nil)
    }

    @Test(arguments: [
        (0 as UInt64, 10 as UInt64?), (5, nil), (5, 0), (599_999, nil), (600_000, 0), (0, 10_000_000),
        (262_144, 262_144),
        (1, 262_145),
    ])
    func `ranges are those bytes and no others`(offset: UInt64, length: UInt64?) async throws {
        let test = try await TestStore()
        let content = bytes(600_000)
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        let reader = try await test.store.read("k", offset: offset, length: length)
        let wanted = Int(min(length ?? .max, 600_000 - offset))
        #expect(reader.info.size == 600_000)
        #expect(try await reader.rest() == content.getSlice(at: Int(offset), length: wanted))
    }

    @Test func `absent objects, bad ranges and other versions each have their own error`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        #expect(try await failure { try await test.store.stat("absent") }.code == .notFound)
        #expect(try await failure { try await test.store.read("absent") }.code == .notFound)
        #expect(try await failure { try await test.store.read("k", offset: 11) }.code == .range)
        #expect(try await failure { try await test.store.read("k", ifMatch: "other") }.code == .precondition)
        #expect(
            try await failure {
                try await test.store.put(WriteRequest(key: "k", ifNotExists: true), [], power: false)
            }.code == .exists)
    }

    @Test func `removing is repeatable`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        try await test.store.remove("k")
        try await test.store.remove("k")
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
    }

    @Test func `copies and moves stay inside the plugin`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        let copied = try await test.store.copy("k", to: "copy")
        #expect(copied.info.size == 10)
        #expect(copied.atomic)
        #expect(!copied.streamed)
        _ = try await test.store.copy("k", to: "moved", options: .move)
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        let taken = try await failure {
            try await test.store.copy("moved", to: "copy", options: [.move, .ifNotExists])
        }
        #expect(taken.code == .exists)
        #expect(test.control[.read, .calls] == 0)
    }

    @Test func `an object is handed from store to store of one plugin`() async throws {
        let library = try await TestStore.library()
        let source = try await TestStore("source", library: library)
        let target = try await TestStore("target", library: library)
        try await source.store.put(WriteRequest(key: "k"), [bytes(10)], power: false)
        let result = try await target.store.transfer("k", from: source.store, to: "t", options: .move)
        #expect(result.info.size == 10)
        #expect(target.control[.transfer, .calls] == 1)
        #expect(try await target.store.read("t").rest() == bytes(10))
        #expect(try await failure { try await source.store.stat("k") }.code == .notFound)
    }

    @Test func `stores of different plugins cannot hand over objects`() async throws {
        let other = try PluginLibrary.load(
            path: await TestPlugins.compile("memory", name: "Other"), expectedName: "Other", host: TestStore.host,
            logger: LogRecorder().logger)
        let source = try await TestStore("source", library: other)
        let target = try await TestStore("target")
        let error = try await failure { try await target.store.transfer("k", from: source.store, to: "t") }
        #expect(error.code == .unsupported)
    }

    @Test func `lists come in pages until there is no cursor`() async throws {
        let test = try await TestStore()
        for index in 0..<25 { try await test.store.put(WriteRequest(key: "in/\(index)"), [], power: false) }
        try await test.store.put(WriteRequest(key: "out"), [], power: false)
        var keys: Set<String> = []
        var pages = 0
        var cursor: [UInt8]?
        repeat {
            let page = try await test.store.list(prefix: "in/", cursor: cursor, limit: 10)
            #expect(page.entries.count <= 10)
            keys.formUnion(page.entries.map(\.key))
            cursor = page.cursor
            pages += 1
        } while cursor != nil
        #expect(pages == 3)
        #expect(keys == Set((0..<25).map { "in/\($0)" }))
    }

    @Test(arguments: [("PAST", ""), ("FUTURE", "tag")])
    func `a plugin of another minor version lists with what both sides know`(time: String, etag: String) async throws {
        let path = try await TestPlugins.compile("memory", name: time, macros: [time])
        let library = try PluginLibrary.load(
            path: path, expectedName: time, host: TestStore.host, logger: LogRecorder().logger)
        let test = try await TestStore(library: library)
        try await test.store.put(WriteRequest(key: "k"), [bytes(3)], power: false)
        let page = try await test.store.list(prefix: "", cursor: nil, limit: 10)
        #expect(page.entries.map(\.key) == ["k"])
        #expect(page.entries.map(\.size) == [3])
        #expect(page.entries.map { $0.etag ?? "" } == [etag])
    }

    @Test func `URLs carry what was asked for`() async throws {
        let test = try await TestStore()
        let url = try await test.store.presign(
            PresignRequest(key: "k", lifetime: .seconds(90), contentType: "text/plain"))
        #expect(url.url == "https://store.example/k?ttl=90&type=text/plain")
        #expect(url.expiresMilliseconds == 90_000)
    }

    @Test func `a key that breaks a rule never reaches the plugin`() async throws {
        let test = try await TestStore()
        for key in ["", "/a", "a//b", "a/", "../a", ".fp/x", "a\\b", "a\u{0}b", String(repeating: "x", count: 256)] {
            #expect(try await failure { try await test.store.stat(key) }.code == .invalid, "\(key.debugDescription)")
        }
        #expect(test.control[.stat, .calls] == 0)
    }
}
