import Testing

@testable import FPHTTP

@Suite("Byte ranges")
struct ByteRangeTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let field: [String]
        let size: UInt64
        let range: ByteRange

        init(_ field: String..., of size: UInt64, _ range: ByteRange) {
            self.field = field
            self.size = size
            self.range = range
        }

        var testDescription: String { "\(field) of \(size)" }
    }

    @Test(
        "a Range field is read as RFC 9110, section 14, has it",
        arguments: [
            Row(of: 10, .whole),
            Row("bytes=0-0", of: 10, .part(0..<1)),
            Row("bytes=0-9", of: 10, .part(0..<10)),
            Row("bytes=3-", of: 10, .part(3..<10)),
            Row("bytes=3-99", of: 10, .part(3..<10)),
            Row("bytes=-3", of: 10, .part(7..<10)),
            Row("bytes=-99", of: 10, .part(0..<10)),
            Row("Bytes=2-4", of: 10, .part(2..<5)),
            Row("bytes= 2-4 ", of: 10, .part(2..<5)),
            Row("bytes=,2-4,", of: 10, .part(2..<5)),
            Row("bytes=9-9", of: 10, .part(9..<10)),
            Row("bytes=0-18446744073709551615", of: 10, .part(0..<10)),
            Row("bytes=0-99999999999999999999999", of: 10, .part(0..<10)),
            Row("bytes=0-", of: .max, .part(0..<UInt64.max)),
            Row("bytes=10-", of: 10, .unsatisfiable),
            Row("bytes=10-12", of: 10, .unsatisfiable),
            Row("bytes=99999999999999999999999-", of: 10, .unsatisfiable),
            Row("bytes=-0", of: 10, .unsatisfiable),
            Row("bytes=0-", of: 0, .unsatisfiable),
            Row("bytes=-5", of: 0, .whole),
            Row("bytes=5-3", of: 10, .whole),
            Row("bytes=0-1,4-5", of: 10, .whole),
            Row("bytes=0-1", "bytes=4-5", of: 10, .whole),
            Row("bytes=", of: 10, .whole),
            Row("bytes=-", of: 10, .whole),
            Row("bytes=a-b", of: 10, .whole),
            Row("bytes=+1-2", of: 10, .whole),
            Row("bytes=1-2-3", of: 10, .whole),
            Row("bytes=0x1-2", of: 10, .whole),
            Row("bytes 0-1", of: 10, .whole),
            Row("lines=0-1", of: 10, .whole),
            Row("", of: 10, .whole),
        ])
    func rows(_ row: Row) {
        #expect(ByteRange(row.field, size: row.size) == row.range)
    }
}
