import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("sessions")
    struct Sessions {
        @Test("Without tails a session goes on at its last whole part, and does not claim more")
        func withoutTails() throws {
            let fixture = try Fixture(["durable_tail": "none"])
            #expect(fixture.store.caps.flags & (FP_CAP_DURABLE_TAIL | FP_CAP_REWIND) == 0)
            #expect(fixture.store.caps.durable_unit == UInt64(partSize))
            let bytes = Pattern.bytes(2 * partSize + 1000)
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

        @Test(
            "tusd defect 5: the rest that is smaller than a part is in the object, also of unknown length",
            arguments: [0, partSize])
        func smallRest(before: Int) throws {
            let fixture = try Fixture()
            let bytes = Pattern.bytes(before + 18)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Array(bytes[..<(before + 12)]))
            #expect(try writer.sync() == UInt64(before + 12))
            writer.close()
            let again = try #require(try fixture.store.resume(writer.token).writer)
            #expect(again.offset == UInt64(before + 12))
            try again.write(Array(bytes[(before + 12)...]))
            try again.commit()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("tusd defect 7: the size of the parts is planned for the whole file, over all of its requests")
        func plannedParts() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            // In parts of 5 MiB these would be 209,716 parts, of which S3 takes 10,000.
            let token = try fixture.store.begin("k", flags: FP_W_RESUMABLE, size: 1 << 40).token
            for step in 0..<2 {
                let writer = try #require(try fixture.another([:]).resume(token).writer)
                #expect(writer.offset == UInt64(step * 12 << 20))
                try writer.write(Pattern.bytes(12 << 20, seed: UInt64(step)))
                #expect(try writer.sync() == UInt64((step + 1) * 12 << 20))
                writer.close()
            }
            #expect(!proxy.requests.contains { $0.contains("partNumber=") }, "the first part has 160 MiB")
            try fixture.store.discard(token)
        }

        @Test("Parts that find no memory wait in files, so that a writer that stands still holds nobody up")
        func spool() throws {
            let directory = try TemporaryDirectory()
            let fixture = try Fixture(["max_memory": String(8 << 20), "spool_directory": directory.path])
            let idle = try (0..<4).map { index in
                let writer = try fixture.store.begin("idle-\(index)")
                try writer.write(Pattern.bytes(4 << 20, seed: UInt64(index + 1)))
                return writer
            }
            let bytes = Pattern.bytes(3 * partSize + 3, seed: 77)
            try fixture.store.put("k", bytes)
            expectSame(try fixture.store.get("k"), bytes)
            for (index, writer) in idle.enumerated() {
                try writer.write(Pattern.bytes(4 << 20, seed: UInt64(index + 11)))
                try writer.commit()
                writer.close()
                expectSame(
                    try fixture.store.get("idle-\(index)"),
                    Pattern.bytes(4 << 20, seed: UInt64(index + 1)) + Pattern.bytes(4 << 20, seed: UInt64(index + 11)))
            }
            let lost = try Fixture(["max_memory": String(8 << 20), "spool_directory": directory.path + "/none"])
            let writers = try (0..<3).map { try lost.store.begin("w\($0)") }
            try writers[0].write(Pattern.bytes(4 << 20))
            try writers[1].write(Pattern.bytes(4 << 20))
            expectFailure(FP_E_NO_MEMORY) { try writers[2].write(Pattern.bytes(1000)) }
        }
    }
}
