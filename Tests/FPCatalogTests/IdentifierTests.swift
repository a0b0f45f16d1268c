import FPCatalog
import Testing

@Suite struct IdentifierTests {
    @Test func `random ids are 22 characters of the alphabet, and all different`() {
        var seen: Set<String> = []
        for _ in 0..<2000 {
            let id = UploadID.random()
            #expect(id.description.utf8.count == UploadID.length)
            #expect(UploadID(id.description) == id)
            seen.insert(id.description)
        }
        #expect(seen.count == 2000)
    }

    @Test(arguments: [
        "", "2", String(repeating: "2", count: 21), String(repeating: "2", count: 23), "2222222222222222222220",
        "222222222222222222222l", "2222222222222222222 22", "../2222222222222222222", "222222222222222222222\0",
        "22222222222222222222é", "２222222222222222222",
    ])
    func `anything else is no id`(_ text: String) {
        #expect(UploadID(text) == nil)
    }

    @Test func `a moment moves by durations, to the millisecond`() {
        #expect(Timestamp(milliseconds: 5).advanced(by: .seconds(2) + .milliseconds(3)).milliseconds == 2008)
        #expect(Timestamp(milliseconds: 5).advanced(by: .seconds(-2)).milliseconds == -1995)
        #expect(Timestamp(milliseconds: 1) < Timestamp(milliseconds: 2))
        #expect(Timestamp.now > Timestamp(milliseconds: 1_700_000_000_000))
    }
}
