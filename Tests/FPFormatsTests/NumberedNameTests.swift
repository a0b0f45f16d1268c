import FPFormats
import Support
import Testing

@Suite("Names with numbers")
struct NumberedNameTests {
    @Test(
        "a number goes before the ending",
        arguments: [
            ("photo.jpg", "photo_2.jpg"), ("photo", "photo_2"), ("a.tar.gz", "a_2.tar.gz"), ("a.tar", "a_2.tar"),
            ("report.v1.2.pdf", "report.v1.2_2.pdf"), (".env", ".env_2"), (".tar.gz", ".tar_2.gz"), ("a.", "a._2"),
            ("a_2.jpg", "a_2_2.jpg"), ("été.txt", "été_2.txt"),
            ("a.\(String(repeating: "x", count: 40))", "a.\(String(repeating: "x", count: 40))_2"),
        ])
    func second(name: String, expected: String) {
        #expect(NumberedName(name).text(2).isSame(as: expected))
        #expect(NumberedName(name).text(1).isSame(as: name))
        #expect(NumberedName(name).number(of: expected) == 2)
        #expect(NumberedName(name).number(of: name) == 1)
    }

    @Test(
        "what is not one of the names has no number",
        arguments: [
            "photo_1.jpg", "photo_02.jpg", "photo_0.jpg", "photo_.jpg", "photo_2.png", "photo2.jpg", "other_2.jpg",
            "photo_99999999999999999999.jpg", "photo_-2.jpg", "photo_٢.jpg", "_2.jpg", "", ".jpg",
        ])
    func others(name: String) {
        #expect(NumberedName("photo.jpg").number(of: name) == nil)
    }

    @Test("a long name is cut before its number, between two characters")
    func long() {
        let name = String(repeating: "é", count: 125) + ".jpeg"
        let second = NumberedName(name).text(2)
        #expect(second.isSame(as: String(repeating: "é", count: 124) + "_2.jpeg"))
        // A single character that is longer than any name is cut between two scalars.
        let tower = "a" + String(repeating: "\u{0301}\u{0302}", count: 60)
        #expect(NumberedName(tower, maxBytes: 40).text(2).utf8.count <= 40)
        #expect(NumberedName("abcdef.txt", maxBytes: 6).text(12).isSame(as: "_12.txt"))
    }

    @Test("any name with any number is short enough, in form C, another than the rest, and read back as that number")
    func anything() {
        var random = SeededGenerator()
        print("numbered names: FPHOST_TEST_SEED=\(random.seed)")
        let pieces = ["a", "é", "e\u{0301}", "👩‍👩‍👧", ".", "_", "_2", "7", ".tar", ".gz", "\u{1100}\u{1161}", "x"]
        for _ in 0..<2000 {
            let raw = (0..<Int.random(in: 1...120, using: &random)).map { _ in pieces.randomElement(using: &random)! }
                .joined()
            let name = FileName.sanitised(raw)
            let limit = [255, 255, 100].randomElement(using: &random)!
            let numbered = NumberedName(name, maxBytes: limit)
            var seen: Set<TextKey> = [TextKey(name)]
            for number in [2, 3, 10, 99, 100, 12_345] {
                let text = numbered.text(number)
                // A long name that ended like this already, cut: to whoever asks for a free one it is taken.
                if text.isSame(as: name) { continue }
                #expect(text.utf8.count <= limit, "seed \(random.seed): \(name)")
                #expect(NormalForm.composed(text).isSame(as: text), "seed \(random.seed): \(name)")
                #expect(seen.insert(TextKey(text)).inserted, "seed \(random.seed): \(name)")
                #expect(numbered.number(of: text) == number, "seed \(random.seed): \(name)")
            }
        }
    }
}
