import Testing

@testable import FPCatalog

@Suite struct SipHashTests {
    /// Key 00 01 ... 0f, message 00 01 ... (length - 1): the reference implementation's published vectors.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
            (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5), (63, 0x958a_324c_eb06_4572),
        ] as [(UInt8, UInt64)])
    func `the published vectors come out`(_ length: UInt8, _ expected: UInt64) {
        var hash = SipHash(key: Array(0..<16))
        hash.append(0..<length)
        #expect(hash.finish() == expected)
    }
}
