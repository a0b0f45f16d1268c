import FPStorage
import NIOCore
import Support
import Testing

private let unknown = 1

@Suite struct `Calls that change a store` {
    private func all(_ test: TestStore, from other: TestStore) async throws {
        let writer = try await test.store.beginWrite(WriteRequest(key: "w", resumable: true))
        try await writer.write([bytes(1)], thenSync: false)
        try await writer.sync(power: false)
        try await writer.commit(size: 1, power: false)
        let dropped = try await test.store.beginWrite(WriteRequest(key: "d", resumable: true))
        try await dropped.abort()
        try await test.store.copy("w", to: "c", options: [.move, .ifNotExists])
        try await test.store.transfer("k", from: other.store, to: "t", options: .ifNotExists)
        try await test.store.put(WriteRequest(key: "p", ifNotExists: true), [bytes(1)], power: false)
    }

    @Test(arguments: [200, 201, 202, 250])
    func `are tried again when the failure may pass`(status: Int) async throws {
        let library = try await TestStore.library()
        let test = try await TestStore(library: library)
        let other = try await TestStore("other", library: library)
        try await other.store.put(WriteRequest(key: "k"), [bytes(5)], power: false)
        for operation in [PluginControl.Operation.writeSync, .writeCommit, .writeAbort, .copy, .transfer] {
            test.control.fail(operation, status, times: 2)
        }
        try await all(test, from: other)
        for operation in [PluginControl.Operation.writeAbort, .copy, .transfer] {
            #expect(test.control[operation, .calls] == 3, "\(operation)")
        }
        #expect(test.control[.writeSync, .calls] == 4)
        // Of the first one, and of the put.
        #expect(test.control[.writeCommit, .calls] == 4)
        #expect(test.store.state == .ok)
        #expect(try await test.store.list().entries.map(\.key).sorted() == ["c", "p", "t"])
    }

    @Test(arguments: [PluginControl.Operation.writeBegin, .write, .writeCommit])
    func `are begun anew if their bytes are at hand`(step: PluginControl.Operation) async throws {
        let test = try await TestStore()
        test.control.fail(step, 200, times: 2)
        let content = bytes(1000)
        try await test.store.put(WriteRequest(key: "p", ifNotExists: true), [content, content], power: false)
        #expect(test.control[.writeBegin, .calls] == 3)
        #expect(test.control[.writeClose, .calls] == (step == .writeBegin ? 1 : 3))
        #expect(try await test.store.read("p").rest().readableBytes == 2000)
    }

    @Test func `are not given bytes again that they had`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        test.control.fail(.write, 200)
        #expect(try await failure { try await writer.write([bytes(10)]) }.code == .transient)
        #expect(test.control[.write, .calls] == 1)
        let other = try await test.store.beginWrite(WriteRequest(key: "l", resumable: true))
        #expect(try await failure { try await other.write([bytes(10)], thenSync: true) }.code == .transient)
        #expect(test.control[.write, .calls] == 2)
        #expect(test.control[.writeSync, .calls] == 0)
    }

    @Test func `hold no thread between two tries`() async throws {
        let test = try await TestStore(settings: StoreSettings(threads: 1))
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        try await writer.write([bytes(10)])
        test.control.fail(.writeCommit, 201, retryAfterMilliseconds: 10_000)
        let commit = Task { try await writer.commit(size: 10, power: false) }
        try await eventually { test.control[.writeCommit, .calls] == 1 }
        #expect(try await failure { try await test.store.stat("other") }.code == .notFound)
        commit.cancel()
        #expect(try await failure { try await commit.value }.code == .cancelled)
        #expect(test.control[.writeCommit, .calls] == 1)
        test.control.heal(.writeCommit)
        #expect(try await writer.commit(size: 10, power: false).size == 10)
    }

    @Test func `are not tried again by a store that went down meanwhile`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 201, retryAfterMilliseconds: 300)
        let copy = Task { try await test.store.copy("a", to: "b") }
        try await eventually { test.control[.copy, .calls] == 1 }
        test.control[.health, .lie] = 2
        try await test.store.health()
        #expect(try await failure { try await copy.value }.code == .unavailable)
        #expect(test.control[.copy, .calls] == 1)
    }

    @Test func `end after five tries, within one deadline`() async throws {
        let test = try await TestStore()
        test.control.fail(.copy, 200)
        #expect(try await failure { try await test.store.copy("a", to: "b") }.code == .transient)
        #expect(test.control[.copy, .calls] == 5)
        let hasty = try await TestStore(
            settings: StoreSettings(deadline: .seconds(5), longDeadline: .seconds(5)))
        hasty.control.fail(.copy, 201, retryAfterMilliseconds: 60_000)
        #expect(try await failure { try await hasty.store.copy("a", to: "b") }.code == .throttled)
        #expect(hasty.control[.copy, .calls] == 1)
    }

    @Test func `show the first error of a plugin that has put its writer down after it`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        try await writer.write([bytes(10)])
        test.control.fail(.writeCommit, 201, times: 1, retryAfterMilliseconds: 300)
        let commit = Task { try await writer.commit(size: 10, power: false) }
        try await eventually { test.control[.writeCommit, .calls] == 1 }
        test.control.fail(.writeCommit, 100)
        let error = try await failure { try await commit.value }
        #expect(error.code == .throttled)
        #expect(test.control[.writeCommit, .calls] == 2)
    }
}

@Suite struct `A call whose answer is lost` {
    private let content = bytes(10)

    private func writer(
        _ test: TestStore, _ request: WriteRequest, syncing: Bool = false
    ) async throws -> StoreWriter {
        let writer = try await test.store.beginWrite(request)
        try await writer.write([content])
        if syncing { try await writer.sync(power: false) }
        return writer
    }

    @Test func `if a commit, is looked up in its session, and is done once`() async throws {
        let test = try await TestStore()
        let writer = try await writer(test, WriteRequest(key: "k", resumable: true, ifNotExists: true))
        test.control.loseAnswers(.writeCommit)
        let info = try await writer.commit(size: 10, power: false)
        #expect(info == (try await test.store.stat("k")))
        #expect(test.control[.writeCommit, .calls] == 1)
        #expect(test.control[.writeResume, .calls] == 1)
        await writer.close()
        #expect(test.control[.writeClose, .calls] == 1)
    }

    @Test func `if a commit that did not happen, is made over a new writer when all bytes are safe`() async throws {
        let test = try await TestStore()
        let writer = try await writer(test, WriteRequest(key: "k", resumable: true), syncing: true)
        test.control.fail(.writeCommit, 200, times: 1, flags: unknown)
        #expect(try await writer.commit(size: 10, power: false).size == 10)
        #expect(test.control[.writeCommit, .calls] == 2)
        #expect(try await test.store.read("k").rest() == content)
        await writer.close()
        #expect(test.control[.writeClose, .calls] == 2)
    }

    @Test func `if a commit that did not happen, is a plain failure when bytes are missing`() async throws {
        let test = try await TestStore()
        let writer = try await writer(test, WriteRequest(key: "k", resumable: true))
        test.control.fail(.writeCommit, 200, times: 1, flags: unknown)
        let error = try await failure { try await writer.commit(size: 10, power: false) }
        #expect(error.code == .transient)
        #expect(!error.outcomeUnknown)
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        guard case .open(let resumed) = try await test.store.resumeWrite(token: writer.token) else {
            Issue.record("it is committed")
            return
        }
        #expect(resumed.offset == 0)
    }

    @Test func `after a resume is looked up by the key that was given then`() async throws {
        let test = try await TestStore()
        let first = try await writer(test, WriteRequest(key: "k", resumable: true), syncing: true)
        await first.close()
        for key in ["k", nil] {
            test.control.loseAnswers(.writeCommit, times: 1)
            guard case .open(let resumed) = try await test.store.resumeWrite(token: first.token, key: key) else {
                Issue.record("it is committed")
                return
            }
            guard key == nil else {
                #expect(try await resumed.commit(size: 10, power: false).size == 10)
                break
            }
            #expect(try await failure { try await resumed.commit(size: 10, power: false) }.outcomeUnknown)
        }
        #expect(try await test.store.stat("k").size == 10)
    }

    @Test(arguments: [true, false])
    func `if a commit without a session, is known by its object where nobody else writes`(isOwn: Bool) async throws {
        let test = try await TestStore()
        let writer = try await writer(test, WriteRequest(key: "k", ifNotExists: true, hasOwnKey: isOwn))
        test.control.loseAnswers(.writeCommit)
        if isOwn {
            #expect(try await writer.commit(size: 10, power: false) == test.store.stat("k"))
        } else {
            let error = try await failure { try await writer.commit(size: 10, power: false) }
            #expect(error.code == .transient)
            #expect(error.outcomeUnknown)
        }
        #expect(test.control[.writeCommit, .calls] == 1)
    }

    @Test func `if a put under a key of the host's own, is known by its object`() async throws {
        let test = try await TestStore()
        test.control.loseAnswers(.writeCommit, times: 1)
        let info = try await test.store.put(
            WriteRequest(key: "k", ifNotExists: true, hasOwnKey: true), [content], power: false)
        #expect(info == (try await test.store.stat("k")))
        #expect(test.control[.writeCommit, .calls] == 1)
    }

    @Test func `if a put that must not replace, is neither somebody else's object nor denied`() async throws {
        let test = try await TestStore()
        test.control.loseAnswers(.writeCommit, times: 1)
        let request = WriteRequest(key: "k", ifNotExists: true)
        let error = try await failure { try await test.store.put(request, [content], power: false) }
        #expect(error.code == .transient)
        #expect(error.outcomeUnknown)
        #expect(test.control[.writeCommit, .calls] == 1)
        // Somebody else's object of that size, and an answer that was lost on the way there.
        test.control.fail(.writeCommit, 200, times: 1, flags: unknown)
        let other = try await failure { try await test.store.put(request, [content], power: false) }
        #expect(other.code == .transient)
        #expect(other.outcomeUnknown)
        // Where nothing is there, nothing has happened.
        try await test.store.remove("k")
        test.control.fail(.writeCommit, 200, times: 1, flags: unknown)
        #expect(try await test.store.put(request, [content], power: false).size == 10)
    }

    @Test func `if a put that arrives after it was looked for, is not taken for somebody else's`() async throws {
        let test = try await TestStore()
        let request = WriteRequest(key: "k", ifNotExists: true)
        test.control.fail(.writeCommit, 201, times: 1, retryAfterMilliseconds: 300, flags: unknown)
        let put = Task { try await test.store.put(request, [content], power: false) }
        try await eventually { test.control[.stat, .calls] == 1 }
        try await eventually { test.control[.stat, .inFlight] == 0 }
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        let error = try await failure { try await put.value }
        #expect(error.code != .exists)
        #expect(error.outcomeUnknown)
    }

    @Test func `if a put or a copy that replaces, is done once more`() async throws {
        let test = try await TestStore()
        test.control.loseAnswers(.writeCommit, times: 1)
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        #expect(test.control[.writeCommit, .calls] == 2)
        test.control.loseAnswers(.copy, times: 1)
        #expect(try await test.store.copy("k", to: "t").info.size == 10)
        #expect(test.control[.copy, .calls] == 2)
    }

    @Test(arguments: [[.ifNotExists], [.move, .ifNotExists, .requireAtomic], .move] as [CopyOptions])
    func `if a copy that must not be made twice, is left to its caller`(options: CopyOptions) async throws {
        let library = try await TestStore.library()
        let test = try await TestStore(library: library)
        let other = try await TestStore("other", library: library)
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        try await other.store.put(WriteRequest(key: "k"), [content], power: false)
        test.control.loseAnswers(.copy)
        test.control.loseAnswers(.transfer)
        for error in [
            try await failure { try await test.store.copy("k", to: "t", options: options) },
            try await failure { try await test.store.transfer("k", from: other.store, to: "u", options: options) },
        ] {
            #expect(error.code == .transient)
            #expect(error.outcomeUnknown)
        }
        #expect(test.control[.copy, .calls] == 1)
        #expect(test.control[.transfer, .calls] == 1)
    }

    @Test(arguments: [[.ifNotExists], [.move, .ifNotExists, .requireAtomic], .move] as [CopyOptions])
    func `if a copy that did not happen, is made`(options: CopyOptions) async throws {
        let library = try await TestStore.library()
        let test = try await TestStore(library: library)
        let other = try await TestStore("other", library: library)
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        try await other.store.put(WriteRequest(key: "k"), [content], power: false)
        test.control.fail(.copy, 200, times: 1, flags: unknown)
        test.control.fail(.transfer, 200, times: 1, flags: unknown)
        try await test.store.copy("k", to: "t", options: options)
        try await test.store.transfer("k", from: other.store, to: "u", options: options)
        #expect(try await test.store.read("t").rest() == content)
        #expect(try await test.store.read("u").rest() == content)
    }
}

extension `A call whose answer is lost` {
    @Test func `if a read, is opened again within one deadline and a few tries`() async throws {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [bytes(1_000_000)], power: false)
        let reader = try await test.store.read("k")
        _ = try await reader.next()
        test.control.fail(.read, 200)
        test.control.fail(.readOpen, 200)
        #expect(try await failure { try await reader.next() }.code == .transient)
        #expect(test.control[.readOpen, .calls] == 5)
    }
}
