import CChecksums
import Foundation
import Support
import Testing

@Suite("CRC-64/NVME")
struct CRC64NVMETests {
    @Test("the check value is the specification's, whichever way it is computed")
    func checkValue() {
        // NVM Express command set specification 1.0c, section 5.2.1.3.5: zeros, ones, and bytes that count up and down.
        let vectors: [([UInt8], UInt64)] = [
            (Array("123456789".utf8), 0xAE8B_1486_0A79_9888),
            ([UInt8](repeating: 0, count: 4096), 0x6482_D367_EB22_B64E),
            ([UInt8](repeating: 0xFF, count: 4096), 0xC0DD_BA73_02EC_A3AC),
            ((0..<4096).map { UInt8(truncatingIfNeeded: $0) }, 0x3E72_9F5F_6750_449C),
            ((0..<4096).map { UInt8(truncatingIfNeeded: 255 - $0) }, 0x9A2D_F64B_8E9E_517E),
        ]
        for (bytes, value) in vectors {
            for way in Self.ways {
                #expect(cs_crc64nvme_by(way, 0, bytes, bytes.count) == value, "way \(way.rawValue)")
            }
            #expect(cs_crc64nvme(0, bytes, bytes.count) == value)
        }
    }

    @Test("all ways agree on any bytes, whatever came before them and wherever in memory they begin")
    func agreement() {
        var random = SeededGenerator()
        let bytes = random.bytes(20_000)
        for round in 0..<5_000 {
            let most = round.isMultiple(of: 10) ? 19_000 : 1_200
            let (start, count) = (Int.random(in: 0..<64, using: &random), Int.random(in: 0...most, using: &random))
            let before = random.next()
            let values = bytes.withUnsafeBytes { all in
                Self.ways.map { cs_crc64nvme_by($0, before, all.baseAddress.map { $0 + start }, count) }
            }
            #expect(Set(values).count == 1, "seed \(random.seed), \(count) bytes from \(start)")
        }
    }

    @Test("the CRCs of pieces are joined to that of the whole")
    func joins() {
        var random = SeededGenerator()
        let bytes = random.bytes(300_000)
        let whole = cs_crc64nvme(0, bytes, bytes.count)
        for _ in 0..<200 {
            var (joined, position) = (UInt64(0), 0)
            while position < bytes.count {
                let count = min(Int.random(in: 0...150_000, using: &random), bytes.count - position)
                let piece = bytes[position..<position + count].withUnsafeBytes {
                    cs_crc64nvme(0, $0.baseAddress, count)
                }
                joined = cs_crc64nvme_join(joined, piece, UInt64(count))
                position += count
            }
            #expect(joined == whole, "seed \(random.seed)")
        }
    }

    @Test("a processor that multiplies without carry does so here")
    func processor() throws {
        let description = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        #if arch(x86_64)
        let flags = Set(description.split(whereSeparator: \.isWhitespace))
        let expected =
            !flags.contains("pclmulqdq")
            ? CS_TABLES : flags.isSuperset(of: ["vpclmulqdq", "avx2"]) ? CS_FOLD_256 : CS_FOLD_128
        #else
        let expected = description.contains("pmull") ? CS_FOLD_128 : CS_TABLES
        #endif
        #expect(cs_crc64nvme_best() == expected)
    }

    private static let ways = [CS_TABLES, CS_FOLD_128, CS_FOLD_256]
}
