import FPFormats
import Support
import Testing

@Suite("Paths below a directory")
struct FolderPathTests {
    @Test(
        "the directories are the parts before the name, each cleaned as a name",
        arguments: [
            ("a.txt", []), ("/a.txt", []), ("d/a.txt", ["d"]), ("/d/e/a.txt", ["d", "e"]), ("d\\e\\a.txt", ["d", "e"]),
            ("été/a", ["e\u{0301}t\u{e9}"]), ("d\u{0}\n/a", ["d"]), (" d /a", ["d"]), ("\u{202E}d/a", ["d"]),
            (".git/a", [".git"]),
        ] as [(String, [String])])
    func directories(path: String, expected: [String]) throws {
        let found = try #require(FolderPath.directories(of: path))
        #expect(found.map(TextKey.init) == expected.map { TextKey(NormalForm.composed($0)) })
    }

    @Test(
        "what leads elsewhere, or nowhere, is no such path",
        arguments: [
            "", "/", "d/", "../a", "d/../a", "./a", "d/./a", "d//a", "//a", "/../a", "\\..\\a", "d/\u{0}/a", "d/ /a",
            "d/..\u{0}/a",
            ".. /a",
        ])
    func refused(path: String) {
        #expect(FolderPath.directories(of: path) == nil)
    }

    @Test("whatever is sent, the directories are names: none leads up, none has a separator, none is empty or long")
    func anything() {
        var random = SeededGenerator()
        print("folder paths: FPHOST_TEST_SEED=\(random.seed)")
        let pieces = [
            "/", "\\", ".", "..", "a", "é", "\u{0301}", "\u{0}", "\u{202E}", " ", "\n", "👩‍👩‍👧",
            String(repeating: "x", count: 300),
        ]
        for _ in 0..<2000 {
            let path = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            for name in FolderPath.directories(of: path.joined()) ?? [] {
                #expect(FileName.cleaned(name).map(TextKey.init) == TextKey(name), "seed \(random.seed)")
                #expect(!name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 0x20 })
                #expect((1...FileName.maxBytes).contains(name.utf8.count) && name != "." && name != "..")
            }
        }
    }
}
