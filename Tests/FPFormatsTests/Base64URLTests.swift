import FPFormats
import Foundation
import Support
import Testing

@Suite("base64url")
struct Base64URLTests {
    @Test("bytes come back, and their text is that of other programs")
    func roundTrip() {
        var random = SeededGenerator()
        for count in 0..<200 {
            let bytes = random.bytes(count)
            let text = Base64URL.encoded(bytes)
            let plain = Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
                .replacing("=", with: "")
            #expect(text == plain, "seed \(random.seed)")
            #expect(Base64URL.decoded(text) == bytes, "seed \(random.seed)")
        }
    }

    @Test(
        "a second text for the same bytes is refused, and so is what is no text for any",
        arguments: ["A", "AB", "AAB", "AA==", "A A", "AA\n", "AA+A", "AA/A", "AAA\u{301}", "ａａ", "AAAAA"])
    func others(text: String) {
        #expect(Base64URL.decoded(text) == nil)
    }
}
