import Synchronization

/// A 64-bit fingerprint of a chunk's bytes, however they are cut into buffers.
///
/// It tells a replay from different bytes at the same offset. It guards against accidents, not against an adversary:
/// a client that constructs a collision deceives itself alone. Four independent multiply-rotate lanes keep it at the
/// speed of memory, well above that of any cryptographic hash.
final class ChunkFingerprint: Sendable {
    private let state = Mutex(State())

    func update(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { $0.update(bytes) }
    }

    /// The fingerprint of everything so far.
    var value: UInt64 {
        state.withLock { $0.value }
    }

    private struct State {
        static let stripe = 32
        var lanes: SIMD4<UInt64> = [
            0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89,
        ]
        var pending: [UInt8] = []
        var length: UInt64 = 0

        mutating func update(_ bytes: UnsafeRawBufferPointer) {
            length &+= UInt64(bytes.count)
            var rest = bytes[...]
            if !pending.isEmpty {
                let missing = Self.stripe - pending.count
                pending.append(contentsOf: rest.prefix(missing))
                rest = rest.dropFirst(missing)
                guard pending.count == Self.stripe else { return }
                pending.withUnsafeBytes { mix($0) }
                pending.removeAll(keepingCapacity: true)
            }
            let whole = rest.count / Self.stripe * Self.stripe
            mix(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
            pending.append(contentsOf: rest.dropFirst(whole))
        }

        private mutating func mix(_ stripes: UnsafeRawBufferPointer) {
            var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
            var offset = 0
            while offset < stripes.count {
                a = Self.step(a, stripes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                b = Self.step(b, stripes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
                c = Self.step(c, stripes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
                d = Self.step(d, stripes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
                offset += Self.stripe
            }
            lanes = [a, b, c, d]
        }

        @inline(__always)
        private static func step(_ lane: UInt64, _ word: UInt64) -> UInt64 {
            let mixed = (lane ^ word.littleEndian) &* 0x9E37_79B9_7F4A_7C15
            return mixed << 29 | mixed >> 35
        }

        var value: UInt64 {
            var last = self
            if !last.pending.isEmpty {
                let padding = [UInt8](repeating: 0, count: Self.stripe - last.pending.count)
                (last.pending + padding).withUnsafeBytes { last.mix($0) }
            }
            var result = length
            for lane in 0..<4 {
                result = Self.step(result, last.lanes[lane])
                result ^= result >> 32
            }
            return result
        }
    }
}
