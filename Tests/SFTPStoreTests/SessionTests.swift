import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: sessions")
struct SessionTests {
    private let bytes = Pattern.bytes(10_000)

    @Test("Staged bytes are invisible until the commit")
    func invisible() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("a/k", flags: FP_W_RESUMABLE)
        try writer.write(bytes)
        try writer.sync()
        #expect(try fixture.store.lookup("a/k") == nil)
        #expect(try fixture.store.keys() == [])
        #expect(fixture.tree() == [])
        try writer.commit()
        #expect(try fixture.store.get("a/k") == bytes)
        #expect(try fixture.store.all(pending: true) == [])
        #expect(fixture.tree() == ["a", "a/k"])
        #expect(fixture.staged == [])
    }

    @Test("A session goes on where it was left, by its first token, in another instance")
    func resume() throws {
        let fixture = try Fixture()
        let first = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        let token = first.token
        try first.write(Array(bytes[..<3000]))
        first.close()
        let other = try fixture.another()
        let second = try #require(try other.resume(token).writer)
        #expect(second.offset == 3000)
        try second.write(Array(bytes[3000...]))
        try second.commit()
        #expect(try other.get("k") == bytes)
        #expect(try other.resume(token).writer == nil)
    }

    @Test("A session can be taken back to any offset that is durable, and no further")
    func rewind() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        let token = writer.token
        try writer.write([UInt8](repeating: 7, count: 5000))
        try writer.sync(FP_SYNC_POWER)
        writer.close()
        expectFailure(FP_E_RANGE) { try fixture.store.resume(token, at: 5001) }
        let again = try #require(try fixture.store.resume(token, at: 1234).writer)
        try again.write(Array(bytes[..<100]))
        again.close()
        let last = try #require(try fixture.store.resume(token).writer)
        #expect(last.offset == 1334)
        try last.commit()
        #expect(try fixture.store.get("k") == [UInt8](repeating: 7, count: 1234) + bytes[..<100])
    }

    @Test("A session with a live writer of the same store cannot be resumed")
    func fenced() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(bytes)
        expectFailure(FP_E_CONFLICT) { try fixture.store.resume(writer.token) }
        writer.close()
        #expect(try fixture.store.resume(writer.token).writer?.offset == 10_000)
    }

    @Test("Wrong offsets and sizes are refused, and poison only what they must")
    func wrongOffsets() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        let token = writer.token
        try writer.write([1, 2, 3])
        expectFailure(FP_E_INVALID) { try writer.commit(size: 4) }
        expectFailure(FP_E_INVALID) { try writer.commit(size: 2) }
        #expect(try fixture.store.lookup("k") == nil)
        writer.close()
        let again = try #require(try fixture.store.resume(token).writer)
        expectFailure(FP_E_INVALID) { try again.write([1], at: 2) }
        expectFailure(FP_E_INVALID) { try again.write([1], at: 3) }
        expectFailure(FP_E_INVALID) { try again.sync() }
        again.close()
        let last = try #require(try fixture.store.resume(token).writer)
        #expect(last.offset == 3)
        try last.commit()
    }

    @Test("A committed session is recognised by its object, and only by that")
    func committedProof() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        func commit(_ key: String) throws -> [UInt8] {
            let writer = try fixture.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write(bytes)
            try writer.commit()
            return writer.token
        }
        let kept = try commit("kept")
        let removed = try commit("removed")
        let replaced = try commit("replaced")
        let moved = try commit("moved")
        try fixture.store.remove("removed")
        try fixture.store.put("replaced", bytes)
        _ = try fixture.store.copy("moved", to: "elsewhere", flags: FP_COPY_MOVE)
        #expect(try fixture.store.resume(kept).writer == nil)
        for token in [removed, replaced, moved] { expectFailure(FP_E_GONE) { try fixture.store.resume(token) } }
        try fixture.store.discard(kept)
        #expect(try fixture.store.get("kept") == bytes)
        #expect(try fixture.store.resume(kept).writer == nil)
    }

    @Test("Another session that won the key does not count as this one's commit")
    func rival() throws {
        let fixture = try Fixture()
        let loser = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        let winner = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        for writer in [loser, winner] { try writer.write(bytes) }
        try winner.commit()
        expectFailure(FP_E_EXISTS) { try loser.commit() }
        loser.close()
        #expect(try fixture.store.resume(loser.token).writer?.offset == 10_000)
        try fixture.store.discard(loser.token)
        expectFailure(FP_E_GONE) { try fixture.store.resume(loser.token) }
        #expect(try fixture.store.get("k") == bytes)
    }

    @Test("A failed commit can be tried again on the same writer")
    func commitAgain() throws {
        let fixture = try Fixture()
        for flags in [0, FP_W_RESUMABLE] {
            let writer = try fixture.store.begin("k", flags: flags)
            try fixture.store.put("k", [1])
            try writer.write([2])
            expectFailure(FP_E_EXISTS) { try writer.commit() }
            try fixture.store.remove("k")
            try writer.commit()
            #expect(try fixture.store.get("k") == [2])
            try fixture.store.remove("k")
        }
    }

    @Test("Dropping a session is idempotent, and a dropped one is gone")
    func discarding() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(bytes)
        try writer.abort()
        try writer.abort()
        expectFailure(FP_E_INVALID) { try writer.commit() }
        writer.close()
        expectFailure(FP_E_GONE) { try fixture.store.resume(writer.token) }
        let other = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try fixture.store.discard(other.token)
        try fixture.store.discard(other.token)
        expectFailure(FP_E_GONE) { try other.commit() }
        other.close()
        #expect(fixture.staged == [])
    }

    @Test("Tokens that are none of ours are gone, and dropping them succeeds")
    func foreignTokens() throws {
        let fixture = try Fixture()
        let token = try fixture.store.begin("k", flags: FP_W_RESUMABLE).token
        var tokens: [[UInt8]] = [[], [0], [1], Array("nonsense".utf8), token + [0], [2] + token.dropFirst()]
        tokens += (0..<token.count).map { Array(token.prefix($0)) }
        for token in tokens {
            expectFailure(FP_E_GONE) { try fixture.store.resume(token) }
            try fixture.store.discard(token)
        }
        #expect(try fixture.store.resume(token).writer != nil)
    }

    @Test("Closing a one-shot put leaves nothing")
    func oneShotLeavesNothing() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        let writer = try fixture.store.begin("a/k")
        try writer.write(bytes)
        #expect(writer.token == [])
        expectFailure(FP_E_UNSUPPORTED) { try writer.sync() }
        writer.close()
        try waitUntil("the bytes are gone") { fixture.staged == [] }
        #expect(fixture.tree() == [])
    }

    @Test("Unfinished sessions are listed with tokens that work, in pages")
    func pending() throws {
        let fixture = try Fixture()
        var tokens: [String: [UInt8]] = [:]
        for index in 0..<25 {
            let writer = try fixture.store.begin("p/\(index)", flags: FP_W_RESUMABLE)
            try writer.write([UInt8](repeating: 1, count: index))
            tokens["p/\(index)"] = writer.token
        }
        for limit: UInt32 in [1, 7, 25, 100] {
            let found = try fixture.store.all(pending: true, limit: limit)
            #expect(Set(found.map(\.key)) == Set(tokens.keys))
            #expect(found.count == 25)
        }
        #expect(try fixture.store.all(pending: true, prefix: "p/1").count == 11)
        for entry in try fixture.store.all(pending: true) {
            #expect(entry.isPending && "p/\(entry.size)" == entry.key && entry.modified > 0)
            #expect(entry.token == tokens[entry.key])
            try fixture.store.discard(entry.token)
        }
        #expect(try fixture.store.all(pending: true) == [])
    }
}
