import FPFormats
import Support
import Testing

@Suite struct `Percent-encoding` {
    @Test(arguments: [
        ("", "", false), ("a%20b", "a b", false), ("%41%6a%6A", "Ajj", false), ("%252e", "%2e", false),
        ("a+b", "a+b", false), ("100%", "100%", true), ("%4", "%4", true), ("%zz%41", "%zzA", true),
        ("%%41", "%A", true),
        ("%+1%-0", "%+1%-0", true), ("%E6%97%A5", "日", false),
    ])
    func `is taken off, and what is broken is kept`(text: String, decoded: String, isBroken: Bool) {
        let result = PercentEncoding.decoded(text.utf8)
        #expect(String(decoding: result.bytes, as: UTF8.self) == decoded)
        #expect(result.isBroken == isBroken)
    }

    @Test func `has plus signs for spaces in forms`() {
        #expect(PercentEncoding.decoded("a+b%2B".utf8, plusIsSpace: true).bytes == Array("a b+".utf8))
    }

    @Test func `leaves only unreserved characters as they are`() {
        #expect(PercentEncoding.encoded("aZ09-._~") == "aZ09-._~")
        #expect(PercentEncoding.encoded("a/b c%ü\0") == "a%2Fb%20c%25%C3%BC%00")
        #expect(PercentEncoding.encoded("a/b".utf8) { $0 != UInt8(ascii: "b") } == "a/%62")
    }

    @Test func `comes off as it was put on, for any bytes`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let encoded = PercentEncoding.encoded(bytes, keeping: PercentEncoding.isUnreserved)
            let result = PercentEncoding.decoded(encoded.utf8)
            #expect(result.bytes == bytes)
            #expect(!result.isBroken)
        }
    }
}
