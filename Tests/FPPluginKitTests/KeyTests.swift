import FPPluginKit
import Testing

@Suite("FPPluginKit: keys")
struct KeyTests {
    @Test(
        "Keys that could leave a store or confuse it are refused",
        arguments: [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\\b", "a\0b", "a\nb", "a\u{7f}",
            "a\u{85}b",
            ".fp", ".fp/w", String(repeating: "x", count: 256), String(repeating: "ab/", count: 342) + "c",
        ])
    func refused(text: String) {
        #expect(throws: PluginError.self) { try Key(text) }
    }
}
