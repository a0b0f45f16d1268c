import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// A power loss is played by rewriting a session's record as one of an earlier run of the machine.
@Suite("LocalStore: power loss")
struct PowerTests {
    private func recordPath(_ fixture: Fixture) throws -> String {
        let names = fixture.directory.tree(withPrivate: true).filter { $0.hasSuffix(".m") }
        return fixture.path + "/" + (try #require(names.first))
    }

    private func change(_ path: String, _ change: (inout [UInt8]) -> Void) throws {
        let file = open(path, O_RDWR)
        try #require(file >= 0)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        bytes.removeLast(bytes.count - read(file, &bytes, bytes.count))
        change(&bytes)
        pwrite(file, bytes, bytes.count, 0)
        ftruncate(file, off_t(bytes.count))
    }

    /// Gives the record another boot id and the sum that goes with it.
    private func loosePower(_ fixture: Fixture) throws {
        try change(try recordPath(fixture)) { bytes in
            bytes[8] ^= 0xFF
            var sum: UInt64 = 0xCBF2_9CE4_8422_2325
            for start in [8, 16, 24] {
                let word = bytes[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                sum = (sum ^ word) &* 0x100_0000_01B3
            }
            withUnsafeBytes(of: sum.littleEndian) { bytes.replaceSubrange(32..<40, with: $0) }
        }
    }

    @Test("tusd defect 9: after a power loss only what was synced for it counts")
    func powerLoss() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(Pattern.bytes(1000))
        try writer.sync(FP_SYNC_POWER)
        try writer.write(Pattern.bytes(1000..<5000, seed: 1))
        #expect(try writer.sync() == 5000)
        writer.close()
        try loosePower(fixture)
        #expect(try fixture.store.all(pending: true).map(\.size) == [1000])
        let again = try #require(try fixture.store.resume(writer.token).writer)
        #expect(again.offset == 1000)
        try again.write(Pattern.bytes(1000..<2000, seed: 1))
        again.close()
        // The same run of the machine from here on: every byte counts again.
        let last = try #require(try fixture.store.resume(writer.token).writer)
        #expect(last.offset == 2000)
        try last.commit(flags: FP_SYNC_POWER)
        #expect(try fixture.store.get("k") == Pattern.bytes(2000))
    }

    @Test("Going back below a synced offset takes the promise back as well")
    func rewindLowersPromise() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(Pattern.bytes(1000))
        try writer.sync(FP_SYNC_POWER)
        writer.close()
        let again = try #require(try fixture.store.resume(writer.token, at: 400).writer)
        try again.write([UInt8](repeating: 0, count: 5000))
        again.close()
        try loosePower(fixture)
        #expect(try fixture.store.resume(writer.token).writer?.offset == 400)
    }

    @Test("tusd defect 9: a torn record counts as nothing synced, and a lost one as a lost session")
    func tornRecord() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        try writer.write(Pattern.bytes(1000))
        try writer.sync(FP_SYNC_POWER)
        writer.close()
        try change(try recordPath(fixture)) { $0[25] ^= 1 }
        #expect(try fixture.store.resume(writer.token).writer?.offset == 0)
        try change(try recordPath(fixture)) { $0 = [] }
        expectFailure(FP_E_GONE) { try fixture.store.resume(writer.token) }
        #expect(fixture.directory.tree(withPrivate: true) == [".fp", ".fp/w"])
    }

    @Test("Bytes and records from a torn beginning are swept, but not while they may be in the making")
    func sweeping() throws {
        let fixture = try Fixture()
        let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
        writer.close()
        let record = try recordPath(fixture)
        try change(record) { $0 = [] }
        #expect(try fixture.store.all(pending: true) == [])
        #expect(fixture.directory.tree(withPrivate: true).count == 4)
        let old = timespec(tv_sec: time(nil) - 7200, tv_nsec: 0)
        for path in [record, String(record.dropLast(2))] { utimensat(AT_FDCWD, path, [old, old], 0) }
        #expect(try fixture.store.all(pending: true) == [])
        #expect(fixture.directory.tree(withPrivate: true) == [".fp", ".fp/w"])
    }

    @Test("Committing for power works for every kind of write, and below new directories")
    func commitForPower() throws {
        let fixture = try Fixture(["allow_overwrite": "true"])
        for flags in [0, FP_W_RESUMABLE, FP_W_IF_NOT_EXISTS] {
            try fixture.store.put("a/b/\(flags)", [1], flags: flags, commitFlags: FP_SYNC_POWER)
        }
        try fixture.store.put("a/b/0", [2], commitFlags: FP_SYNC_POWER)
        #expect(try fixture.store.get("a/b/0") == [2])
        #expect(try fixture.store.keys().count == 3)
    }
}
