import FPPluginAPI
import PluginTestKit
import Testing

@Suite("LocalStore: objects")
struct ObjectTests {
    @Test("What was put is read back, at any offset and with any buffer")
    func roundTrip() throws {
        let fixture = try Fixture()
        let bytes = Pattern.bytes(100_000)
        let info = try fixture.store.put("a/b/c.bin", bytes)
        #expect(info.size == 100_000)
        #expect(try fixture.store.stat("a/b/c.bin") == info)
        #expect(try fixture.store.get("a/b/c.bin") == bytes)
        #expect(try fixture.store.open("a/b/c.bin").rest(1013) == bytes)
        for (offset, length) in [(0, 1), (1, 7), (99_999, 1), (50_000, 50_000), (0, 0), (100_000, 0), (77, 1 << 40)] {
            let reader = try fixture.store.open("a/b/c.bin", offset: UInt64(offset), length: UInt64(length))
            #expect(reader.info == info)
            #expect(try reader.rest() == Array(bytes[offset..<min(bytes.count, offset + length)]))
        }
    }
}
