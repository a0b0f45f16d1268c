import FPStorage
import NIOCore
import Support
import Testing

@Suite struct `Writers` {
    @Test func `a resumable write goes on after a close, from its first token`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", size: 300, resumable: true))
        #expect(!writer.token.isEmpty)
        try await writer.write([bytes(100, seed: 1), ByteBuffer(), bytes(50, seed: 2)])
        #expect(writer.offset == 150)
        let progress = try await writer.sync(power: false)
        #expect(progress.durableOffset == 150)
        #expect(progress.token == writer.token)
        try await writer.write([bytes(99)])
        await writer.close()
        guard case .open(let resumed) = try await test.store.resumeWrite(token: writer.token) else {
            Issue.record("it is committed")
            return
        }
        #expect(resumed.offset == 150)
        let after = try await resumed.write([bytes(150, seed: 3)], thenSync: true)
        #expect(after.durableOffset == 300)
        let info = try await resumed.commit(size: 300, power: true)
        #expect(info.size == 300)
        await resumed.close()
        var expected = bytes(100, seed: 1)
        expected.writeImmutableBuffer(bytes(50, seed: 2))
        expected.writeImmutableBuffer(bytes(150, seed: 3))
        #expect(try await test.store.read("k").rest() == expected)
        guard case .committed = try await test.store.resumeWrite(token: writer.token) else {
            Issue.record("it is open")
            return
        }
    }

    @Test func `a session is taken back to an earlier offset`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        try await writer.write([bytes(100)], thenSync: false)
        await writer.close()
        guard case .open(let resumed) = try await test.store.resumeWrite(token: writer.token, offset: 40) else {
            return
        }
        #expect(resumed.offset == 40)
        await resumed.close()
        let beyond = try await failure { try await test.store.resumeWrite(token: writer.token, offset: 41) }
        #expect(beyond.code == .range)
    }

    @Test func `unknown and discarded sessions are gone, live ones are in conflict`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        #expect(try await failure { try await test.store.resumeWrite(token: writer.token) }.code == .conflict)
        let pending = try await test.store.listPending()
        #expect(pending.entries.map(\.token) == [writer.token])
        #expect(pending.entries.map(\.key) == ["k"])
        await writer.close()
        try await test.store.discardWrite(token: writer.token)
        #expect(try await failure { try await test.store.resumeWrite(token: writer.token) }.code == .gone)
        #expect(try await failure { try await test.store.resumeWrite(token: []) }.code == .invalid)
        #expect(try await failure { try await test.store.discardWrite(token: bytes(3000).array) }.code == .invalid)
    }

    @Test func `each buffer is seen before it is written, off the caller's thread, in order`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        let seen = Notes<Int>()
        let part = bytes(5000)
        try await writer.write([bytes(10), part, bytes(20)]) { bytes in
            seen.add(bytes.count)
            if bytes.count == 5000 { #expect(part.readableBytesView.elementsEqual(bytes)) }
        }
        #expect(seen.values == [10, 5000, 20])
        #expect(test.control[.write, .calls] == 3)
    }

    @Test func `a writer that failed takes no more bytes, but can be aborted and closed`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        try await writer.write([bytes(10)])
        test.control.fail(.write, 122, times: 1)
        #expect(try await failure { try await writer.write([bytes(10), bytes(10)]) }.code == .noSpace)
        #expect(writer.offset == 10)
        #expect(test.control[.write, .calls] == 2)
        let again = try await failure { try await writer.write([bytes(10)]) }
        #expect(again.code == .invalid)
        #expect(again.message.contains("resume the session"))
        #expect(test.control[.write, .calls] == 2)
        try await writer.abort()
        await writer.close()
        #expect(test.control[.writeClose, .calls] == 1)
    }

    @Test func `a writer goes back to the plugin also from a task that was cancelled`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
        try await writer.write([bytes(10)], thenSync: false)
        await Task {
            withUnsafeCurrentTask { $0?.cancel() }
            await writer.close()
        }.value
        #expect(test.control[.writeClose, .calls] == 1)
        guard case .open(let resumed) = try await test.store.resumeWrite(token: writer.token) else {
            Issue.record("it is committed")
            return
        }
        await resumed.close()
    }

    @Test func `a failed commit leaves the writer as it was`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        try await writer.write([bytes(10)])
        #expect(try await failure { try await writer.commit(size: 11, power: false) }.code == .invalid)
        test.control.fail(.writeCommit, 200)
        #expect(try await failure { try await writer.commit(size: 10, power: false) }.code == .transient)
        #expect(test.control[.writeCommit, .calls] == 6, "five tries, behind the one that cannot succeed")
        test.control.heal(.writeCommit)
        #expect(try await writer.commit(size: 10, power: false).size == 10)
        #expect(try await failure { try await writer.commit(size: 10, power: false) }.message == "it is committed")
        #expect(try await failure { try await writer.write([bytes(1)]) }.code == .invalid)
    }

    @Test func `a second call at the same time is refused, and spoils nothing`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        test.control.hang(.write)
        let first = Task { try await writer.write([bytes(10)]) }
        try await eventually { test.control[.write, .inFlight] == 1 }
        let second = try await failure { try await writer.write([bytes(10)]) }
        #expect(second.code == .invalid)
        #expect(second.message == "another call on it is under way")
        test.control.release(.write)
        try await first.value
        #expect(try await writer.commit(size: 10, power: false).size == 10)
    }

    @Test func `a close while a call is under way happens once, after it`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        test.control.hang(.write)
        let call = Task { try await writer.write([bytes(10)]) }
        try await eventually { test.control[.write, .inFlight] == 1 }
        await writer.close()
        await writer.close()
        #expect(test.control[.writeClose, .calls] == 0)
        test.control.release(.write)
        try await call.value
        try await eventually { test.control[.writeClose, .calls] == 1 }
        #expect(try await failure { try await writer.write([]) }.message == "it is closed")
        await test.store.shutdown()
        #expect(test.control[.writeClose, .calls] == 1)
    }

    @Test func `a writer that nobody holds is closed`() async throws {
        let test = try await TestStore()
        do {
            let writer = try await test.store.beginWrite(WriteRequest(key: "k", resumable: true))
            try await writer.write([bytes(10)])
        }
        try await eventually { test.control[.writeClose, .calls] == 1 }
    }

    @Test func `a one-shot write has nothing to sync`() async throws {
        let test = try await TestStore()
        let writer = try await test.store.beginWrite(WriteRequest(key: "k"))
        #expect(writer.token.isEmpty)
        #expect(try await failure { try await writer.sync(power: false) }.code == .invalid)
    }

    @Test func `metadata arrives`() async throws {
        let test = try await TestStore()
        let request = WriteRequest(
            key: "k", contentType: "text/plain", metadata: [("a", "1"), ("naïve", ""), ("b", "two")])
        #expect(try await test.store.put(request, [bytes(3)], power: false).size == 3)
    }

    @Test func `a put whose request names another size is refused`() async throws {
        let test = try await TestStore()
        let error = try await failure {
            try await test.store.put(WriteRequest(key: "k", size: 4), [bytes(3)], power: false)
        }
        #expect(error.code == .invalid)
        #expect(test.control[.writeBegin, .calls] == 0)
    }

    @Test(arguments: [PluginControl.Operation.writeBegin, .write, .writeCommit])
    func `a put that fails anywhere leaves neither object nor handle`(step: PluginControl.Operation) async throws {
        let test = try await TestStore()
        test.control.fail(step, 122)
        #expect(
            try await failure {
                try await test.store.put(WriteRequest(key: "k"), [bytes(3)], power: false)
            }.code == .noSpace)
        #expect(try await failure { try await test.store.stat("k") }.code == .notFound)
        #expect(test.control[.writeClose, .calls] == (step == .writeBegin ? 0 : 1))
    }
}

@Suite struct `Readers` {
    private let content = bytes(2_000_000)

    private func test() async throws -> TestStore {
        let test = try await TestStore()
        try await test.store.put(WriteRequest(key: "k"), [content], power: false)
        return test
    }

    @Test func `buffers are the size that the store prefers`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k")
        var sizes: [Int] = []
        while let buffer = try await reader.next() { sizes.append(buffer.readableBytes) }
        #expect(sizes == Array(repeating: 262_144, count: 7) + [2_000_000 - 7 * 262_144])
        #expect(try await reader.next() == nil)
    }

    @Test func `a plugin that gives few bytes at a time is asked again before the caller is troubled`() async throws {
        let test = try await test()
        test.control[.read, .lie] = 4
        let reader = try await test.store.read("k")
        #expect(try await reader.next()?.readableBytes == 100_000)
        test.control[.read, .lie] = 1
        #expect(try await reader.next()?.readableBytes == 65_536)
        test.control[.read, .lie] = 0
        #expect(try await reader.rest().readableBytes == 2_000_000 - 165_536)
    }

    @Test func `few bytes are opened, read and closed in one go`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k", offset: 5, length: 1000)
        #expect(test.control[.readClose, .calls] == 1)
        #expect(try await reader.rest() == content.getSlice(at: 5, length: 1000))
    }

    @Test func `a reader is closed once: at the end, when told, or when nobody holds it`() async throws {
        let test = try await test()
        let whole = try await test.store.read("k")
        _ = try await whole.rest()
        try await eventually { test.control[.readClose, .calls] == 1 }
        whole.close()
        let early = try await test.store.read("k")
        _ = try await early.next()
        early.close()
        early.close()
        try await eventually { test.control[.readClose, .calls] == 2 }
        #expect(try await failure { try await early.next() }.message == "it is closed")
        do {
            let dropped = try await test.store.read("k")
            _ = try await dropped.next()
        }
        try await eventually { test.control[.readClose, .calls] == 3 }
        await test.store.shutdown()
        #expect(test.control[.readClose, .calls] == 3)
    }

    @Test func `a second call at the same time is refused, and spoils nothing`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k")
        // What comes with the opening takes no call.
        #expect(try await reader.next()?.readableBytes == 262_144)
        test.control.hang(.read)
        let first = Task { try await reader.next()?.readableBytes }
        try await eventually { test.control[.read, .inFlight] == 1 }
        #expect(try await failure { try await reader.next() }.code == .invalid)
        test.control.release(.read)
        #expect(try await first.value == 262_144)
        #expect(try await reader.rest().readableBytes == 2_000_000 - 2 * 262_144)
    }

    @Test func `a connection lost on the way is made again where it broke`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k")
        var all = ByteBuffer()
        for round in 0... {
            if round == 2 || round == 4 { test.control.fail(.read, 200, times: 1) }
            if round == 4 { test.control.fail(.readOpen, 201, times: 1) }
            guard var part = try await reader.next() else { break }
            all.writeBuffer(&part)
        }
        #expect(all == content)
        #expect(test.control[.readOpen, .calls] == 4)
        try await eventually { test.control[.readClose, .calls] == 3 }
    }

    @Test func `a connection lost within a buffer gives what came, then goes on`() async throws {
        let test = try await test()
        test.control[.read, .lie] = 4
        let reader = try await test.store.read("k")
        _ = try await reader.next()
        test.control[.read, .lie] = 1
        let part = Task { try await reader.next() }
        try await eventually { test.control[.read, .calls] > 1000 }
        test.control.fail(.read, 200, times: 1)
        var all = try #require(content.getSlice(at: 0, length: 100_000))
        if var got = try await part.value { all.writeBuffer(&got) }
        test.control[.read, .lie] = 0
        var rest = try await reader.rest()
        all.writeBuffer(&rest)
        #expect(all == content)
    }

    @Test func `an object that was replaced meanwhile is never mixed with the old one`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k")
        _ = try await reader.next()
        try await test.store.put(WriteRequest(key: "k"), [bytes(2_000_000, seed: 9)], power: false)
        test.control.fail(.read, 200, times: 1)
        #expect(try await failure { try await reader.next() }.code == .precondition)
        #expect(try await failure { try await reader.next() }.code == .precondition)
    }

    @Test func `an error that does not pass ends the read`() async throws {
        let test = try await test()
        let reader = try await test.store.read("k")
        _ = try await reader.next()
        test.control.fail(.read, 402, times: 1)
        #expect(try await failure { try await reader.next() }.code == .corrupt)
        #expect(test.control[.readOpen, .calls] == 1)
        #expect(try await failure { try await reader.next() }.code == .corrupt)
    }
}

extension ByteBuffer {
    var array: [UInt8] { Array(readableBytesView) }
}
