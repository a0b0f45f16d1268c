import FPPluginKit
import Testing

@Suite("FPPluginKit: keys")
struct KeyTests {
    @Test("Keys that could leave a store or confuse it are refused")
    func refused() {
        let keys = [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\\b", "a\0b", "a\nb", "a\u{7f}",
            "a\u{85}b", ".fp", ".fp/w", String(repeating: "x", count: 256), String(repeating: "ab/", count: 342) + "c",
        ]
        for text in keys { #expect(throws: PluginError.self, "\(text.debugDescription)") { try Key(text) } }
        #expect(throws: PluginError.self) { try [0x61, 0xFF].withUnsafeBytes { try Key(validating: $0) } }
    }

    @Test("Every other key is taken as it is")
    func accepted() throws {
        let keys = [
            "a", "a/b", "...", "..a", "a..", ".fpx", "a/.fp", " ", "写真", "é", "e\u{301}", "a\u{a0}b", "~",
            String(repeating: "x", count: 255), String(repeating: "abc/", count: 255) + "abcd",
        ]
        for text in keys { #expect(try Key(text).string.utf8.elementsEqual(text.utf8)) }
    }

    @Test("Keys differ as their bytes do")
    func equality() throws {
        #expect(try Key("é") != Key("e\u{301}"))
        #expect(try Key("a") == Key("a"))
        #expect(try Set([Key("é"), Key("e\u{301}"), Key("é")]).count == 2)
    }
}
