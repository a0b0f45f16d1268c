import FPPluginAPI
import PluginTestKit
import Testing

extension S3StoreTests {
    @Suite("sessions")
    struct Sessions {
        @Test(
            "A session goes on where it was synced, by its first token, in another process",
            arguments: [
                1000, partSize, partSize + 1000, 2 * partSize + 5,
            ])
        func resume(at cut: Int) throws {
            let fixture = try Fixture()
            let bytes = payload(3 * partSize - 100)
            let first = try fixture.store.begin("a/k", flags: FP_W_RESUMABLE, size: UInt64(bytes.count))
            let token = first.token
            try first.write(Array(bytes[..<cut]))
            #expect(try first.sync() == UInt64(cut))
            try first.write(Array(bytes[cut..<cut + 500]))
            first.close()
            #expect(try fixture.store.lookup("a/k") == nil)
            let other = try fixture.another()
            let second = try #require(try other.resume(token).writer)
            #expect(second.offset == UInt64(cut))
            try second.write(Array(bytes[cut...]))
            try second.commit()
            second.close()
            expectSame(try other.get("a/k"), bytes)
            #expect(try other.resume(token).writer == nil)
            #expect(try other.all(pending: true) == [])
            try waitUntil("the marks are gone") { try fixture.hiddenKeys().isEmpty }
        }

        @Test("In chunks below the size of a part, no acknowledged byte ever goes back")
        func smallChunks() throws {
            let fixture = try Fixture()
            let bytes = payload(12_500_001)
            var token: [UInt8] = []
            var offset = 0
            while offset < bytes.count {
                let writer: TestWriter
                if token.isEmpty {
                    writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE, size: UInt64(bytes.count))
                    token = writer.token
                } else {
                    writer = try #require(try fixture.store.resume(token, at: UInt64(offset)).writer)
                }
                let end = min(offset + 2_500_000, bytes.count)
                try writer.write(Array(bytes[offset..<end]))
                #expect(try writer.sync() == UInt64(end))
                offset = end
                if offset == bytes.count { try writer.commit() }
                writer.close()
            }
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test(
            "A session can be taken back to its last two syncs, and to the start, for other bytes to come",
            arguments: [
                (2_000_000, 4_000_000, 1), (3_000_000, 7_000_000, 1), (3_000_000, 7_000_000, 0),
                (3_000_000, 7_000_000, 2),
                (partSize, 2 * partSize, 1), (4_000_000, 11_000_000, 2),
            ])
        func rewind(first: Int, second: Int, back: Int) throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            let token = writer.token
            try writer.write(payload(first))
            try writer.sync()
            try writer.write(payload(second - first, seed: 2))
            try writer.sync()
            try writer.write(payload(partSize, seed: 3))
            writer.close()
            expectFailure(FP_E_RANGE) { try fixture.store.resume(token, at: UInt64(second + 1)) }
            let offset = [0, first, second][back]
            let again = try #require(try fixture.store.resume(token, at: UInt64(offset)).writer)
            #expect(again.offset == UInt64(offset))
            again.close()
            let last = try #require(try fixture.store.resume(token).writer)
            #expect(last.offset == UInt64(offset))
            let rest = payload(partSize + 10, seed: 4)
            try last.write(rest)
            try last.commit()
            let whole = payload(first) + payload(second - first, seed: 2)
            expectSame(try fixture.store.get("k"), Array(whole[..<offset]) + rest)
        }

        @Test("A session that is discarded is gone, and so is one that a lifecycle rule aborts")
        func gone() throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            let token = writer.token
            try writer.write(payload(100))
            try writer.sync()
            writer.close()
            try fixture.store.discard(token)
            try fixture.store.discard(token)
            expectFailure(FP_E_GONE) { try fixture.store.resume(token) }
            #expect(try fixture.hiddenKeys() == [])
            expectFailure(FP_E_GONE) { try fixture.store.resume([1, 2, 3]) }
        }

        @Test("An upload that is aborted under its writer is gone, never complete")
        func abortedUnderUs() throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(payload(partSize))
            try writer.sync()
            try fixture.another().discard(writer.token)
            expectFailure(FP_E_GONE) {
                try writer.write(payload(partSize + 1))
                try writer.commit()
            }
            writer.close()
            expectFailure(FP_E_GONE) { try fixture.store.resume(writer.token) }
            #expect(try fixture.store.lookup("k") == nil)
        }

        @Test("A session with a live writer in this process is not given to another")
        func live() throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            expectFailure(FP_E_CONFLICT) { try fixture.store.resume(writer.token) }
            writer.close()
            #expect(try fixture.store.resume(writer.token).writer != nil)
        }

        @Test("Aborting drops everything, and an empty session makes an empty object")
        func abortAndEmpty() throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(payload(partSize + 1))
            try writer.sync()
            try writer.abort()
            try writer.abort()
            writer.close()
            #expect(try fixture.store.all(pending: true) == [])
            #expect(try fixture.hiddenKeys() == [])
            let empty = try fixture.store.begin("e", flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, size: 0)
            try empty.commit()
            empty.close()
            #expect(try fixture.store.get("e") == [])
            #expect(try fixture.store.resume(empty.token).writer == nil)
            try waitUntil("the upload is dropped") { try fixture.store.all(pending: true).isEmpty }
        }

        @Test("A session whose beginning nobody remembers is found in the list, and can be gone on with")
        func pending() throws {
            let fixture = try Fixture()
            for key in ["a", "b/c", "b/d"] {
                let writer = try fixture.store.begin(key, flags: FP_W_RESUMABLE)
                try writer.write(payload(1000))
                if key != "a" { try writer.sync() }
                writer.close()
            }
            let found = try fixture.store.all(pending: true)
            #expect(found.map(\.key).sorted() == ["a", "b/c", "b/d"])
            #expect(try fixture.store.all(pending: true, prefix: "b/").map(\.key).sorted() == ["b/c", "b/d"])
            #expect(try fixture.store.keys() == [])
            let entry = try #require(found.first { $0.key == "b/c" })
            #expect(entry.size == 1000 && entry.isPending)
            let writer = try #require(try fixture.store.resume(entry.token).writer)
            #expect(writer.offset == 1000)
            try writer.write(payload(10, seed: 9))
            try writer.commit()
            writer.close()
            expectSame(try fixture.store.get("b/c"), payload(1000) + payload(10, seed: 9))
            #expect(try fixture.store.resume(entry.token).writer == nil)
            for entry in try fixture.store.all(pending: true) { try fixture.store.discard(entry.token) }
            #expect(try fixture.store.all(pending: true) == [])
        }

        @Test("Without tails a session goes on at its last whole part, and does not claim more")
        func withoutTails() throws {
            let fixture = try Fixture(["durable_tail": "none"])
            #expect(fixture.store.caps.flags & (FP_CAP_DURABLE_TAIL | FP_CAP_REWIND) == 0)
            #expect(fixture.store.caps.durable_unit == UInt64(partSize))
            let bytes = payload(2 * partSize + 1000)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Array(bytes[..<(partSize + 500)]))
            #expect(try writer.sync() == UInt64(partSize))
            writer.close()
            #expect(try fixture.hiddenKeys() == [])
            expectFailure(FP_E_UNSUPPORTED) { try fixture.store.resume(writer.token, at: 0) }
            let again = try #require(try fixture.store.resume(writer.token).writer)
            #expect(again.offset == UInt64(partSize))
            try again.write(Array(bytes[partSize...]))
            try again.commit()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("Parts that find no memory wait in files, so that a writer that stands still holds nobody up")
        func spool() throws {
            let directory = try TemporaryDirectory()
            let fixture = try Fixture(["max_memory": String(8 << 20), "spool_directory": directory.path])
            let idle = try (0..<4).map { index in
                let writer = try fixture.store.begin("idle-\(index)")
                try writer.write(payload(4 << 20, seed: UInt64(index + 1)))
                return writer
            }
            let bytes = payload(3 * partSize + 3, seed: 77)
            try fixture.store.put("k", bytes)
            expectSame(try fixture.store.get("k"), bytes)
            for (index, writer) in idle.enumerated() {
                try writer.write(payload(4 << 20, seed: UInt64(index + 11)))
                try writer.commit()
                writer.close()
                expectSame(
                    try fixture.store.get("idle-\(index)"),
                    payload(4 << 20, seed: UInt64(index + 1)) + payload(4 << 20, seed: UInt64(index + 11)))
            }
            let lost = try Fixture(["max_memory": String(8 << 20), "spool_directory": directory.path + "/none"])
            let writers = try (0..<3).map { try lost.store.begin("w\($0)") }
            try writers[0].write(payload(4 << 20))
            try writers[1].write(payload(4 << 20))
            expectFailure(FP_E_NO_MEMORY) { try writers[2].write(payload(1000)) }
        }
    }
}
