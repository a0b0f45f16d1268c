import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension Behaviour {
    /// Of stores on a disk of their own, which needs ``SmallDisk/isAllowed``.
    package static let smallDisks: [Behaviour] = [
        Behaviour("A full disk is said to be full, keeps what is safe, and goes on when there is room", needs: .folders)
        {
            kind in
            let disk = try SmallDisk(options: "size=4m")
            let place = try kind.place()
            let store = try place.another(kind.options([.location: disk.path]))
            try store.put("ballast", [UInt8](repeating: 1, count: 2 << 20))
            let bytes = Pattern.bytes(3 << 20)
            let writer = try store.begin("k", flags: FP_W_RESUMABLE)
            let failure = expectFailure(FP_E_NO_SPACE) {
                for place in stride(from: 0, to: bytes.count, by: 100_000) {
                    try writer.write(Array(bytes[place..<min(place + 100_000, bytes.count)]))
                }
                try writer.sync()
            }
            #expect(failure?.message.contains("full") == true || failure?.errno == ENOSPC, "\(failure?.message ?? "")")
            expectFailure(FP_E_INVALID) { try writer.write([1]) }
            writer.close()
            expectFailure(FP_E_NO_SPACE) { try store.put("other", bytes) }
            for deep in [true, false] {
                let full = try store.health(deep: deep)
                #expect(full.limits == FP_HEALTH_NO_SPACE || full.free < 1 << 20)
            }
            try store.remove("ballast")
            let health = try store.health(deep: true)
            #expect(health.state == FP_HEALTH_OK && health.limits == 0)
            let again = try #require(try store.resume(writer.token).writer)
            #expect(again.offset < bytes.count)
            try again.write(Array(bytes[Int(again.offset)...]))
            try again.commit()
            expectSame(try store.get("k"), bytes)
        },
        Behaviour("On a read-only disk reads work, no key is blamed for the rest, and it heals", needs: .folders) {
            kind in
            let disk = try SmallDisk(options: "size=8m")
            let place = try kind.place()
            let store = try place.another(kind.options([.location: disk.path]))
            try store.put("a/k", [1])
            try disk.remount("ro")
            #expect(try store.get("a/k") == [1])
            #expect(try store.keys() == ["a/k"])
            expectFailure(FP_E_READ_ONLY) { try store.put("l", [1]) }
            expectFailure(FP_E_READ_ONLY) { try store.begin("l", flags: FP_W_RESUMABLE) }
            expectFailure(FP_E_READ_ONLY) { try store.remove("a/k") }
            expectFailure(FP_E_READ_ONLY) { try store.copy("a/k", to: "l", flags: FP_COPY_MOVE) }
            expectFailure(FP_E_READ_ONLY) { try store.copy("a/k", to: "l", flags: FP_COPY_ALLOW_STREAM) }
            expectFailure(FP_E_GONE) { try store.resume(Array("none".utf8)) }
            #expect(try store.lookup("l") == nil)
            for deep in [true, false] {
                let health = try store.health(deep: deep)
                #expect(health.state == FP_HEALTH_DEGRADED && health.limits == FP_HEALTH_CANNOT_WRITE)
                #expect(health.detail.contains("read-only"))
            }
            try disk.remount("rw")
            #expect(try store.health().state == FP_HEALTH_OK)
            try store.put("l", [1])
        },
    ]
}
