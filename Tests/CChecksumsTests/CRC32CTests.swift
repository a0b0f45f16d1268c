import CChecksums
import Testing

@Suite("CRC-32C")
struct CRC32CTests {
    /// RFC 3720, appendix B.4.
    static let examples: [([UInt8], UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E),
    ]

    @Test("the check values are the specification's, however the bytes are cut", arguments: examples)
    func checkValue(bytes: [UInt8], value: UInt32) {
        #expect(cs_crc32c(0, bytes, bytes.count) == value)
        for cut in 0...bytes.count {
            let first = cs_crc32c(0, bytes, cut)
            let rest = Array(bytes[cut...])
            #expect(cs_crc32c(first, rest, rest.count) == value)
        }
    }
}
