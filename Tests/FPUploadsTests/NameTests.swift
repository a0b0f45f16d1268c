import FPFormats
import FPStorage
import Support
import Testing

@testable import FPUploads

@Suite("Names, types, fingerprints")
struct NameTests {
    @Test(
        "a client's file name becomes harmless text",
        arguments: [
            ("a.txt", "a.txt"), ("", "file"), (".", "file"), ("..", "file"), ("../../etc/passwd", "passwd"),
            ("C:\\x\\y.doc", "y.doc"), ("a\u{0}b\r\nc", "abc"), ("dir/", "dir"), ("  a b ", "a b"),
            ("e\u{301}.txt", "\u{e9}.txt"), ("100% \"quoted\" 日本 😀.png", "100% \"quoted\" 日本 😀.png"),
            ("exe\u{202E}gpj.exe", "exegpj.exe"),
        ])
    func sanitised(name: String, expected: String) {
        #expect(FileName.sanitised(name) == expected)
        #expect(Array(FileName.sanitised(name).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test("a long name keeps its extension and whole characters")
    func long() {
        let name = FileName.sanitised(String(repeating: "日", count: 200) + ".jpeg")
        #expect(name.utf8.count <= 255)
        #expect(name.hasSuffix("日.jpeg"))
    }

    @Test("whatever comes in as a path is refused, or makes a key that every store takes")
    func randomPaths() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let pieces = [
            "/", "a", "..", ".", ".fp", "\u{301}", "/\u{301}", "\u{1611E}\u{1611E}", "\u{378}", "\\", "e\u{301}",
            "\u{0}",
            "\u{338}", "=", "\u{212A}", "\u{FFFE}", "\u{85}", String(repeating: "x", count: 200),
        ]
        func text() -> String {
            (0..<Int.random(in: 0...8, using: &random)).reduce(into: "") { text, _ in
                if Int.random(in: 0..<4, using: &random) > 0 {
                    text += pieces.randomElement(using: &random) ?? ""
                } else {
                    let value = UInt32.random(in: 0...0x10FFFF, using: &random)
                    text.unicodeScalars.append(Unicode.Scalar(value) ?? "x")
                }
            }
        }
        var made = 0
        for _ in 0..<20_000 {
            let (path, name) = (text(), text())
            guard let key = try? ObjectPath.key(path: path, name: name) else { continue }
            made += 1
            try ObjectKey.validate(key)
            #expect(try ObjectPath.key(path: key, name: "").isSame(as: key), "seed \(random.seed)")
            #expect(ObjectPath.lookupKey(for: key).isSame(as: key), "seed \(random.seed)")
            let both = ObjectPath.directory(of: key) + ObjectPath.name(of: key)
            #expect(both.isSame(as: key), "seed \(random.seed)")
            // What the client named goes into the directory that the application named, and into no other.
            let directory = path.without(prefix: "/").map(String.init) ?? path
            if directory.isEmpty || directory.ends(with: "/") {
                let given = NormalForm.composed(directory)
                #expect(
                    ObjectPath.directory(of: key).isSame(as: given), "seed \(random.seed): \(name.debugDescription)")
            }
        }
        #expect(made > 1000, "seed \(random.seed)")
    }

    @Test("a path with what Unicode may yet give another form is refused with the character")
    func unassigned() {
        let error = #expect(throws: UploadError.self) { try ObjectPath.key(path: "a\u{378}", name: "") }
        #expect(error?.kind == .invalid)
        #expect(error?.message.contains("U+378") == true)
    }

    @Test(
        "the bytes' own signature comes before the extension, and the client's claim last",
        arguments: [
            ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "x.html", nil, "image/png"),
            (Array("<script>".utf8), "x.html", "image/png", "text/html"),
            (Array("plain".utf8), "x", "text/x-thing; charset=a", "text/x-thing"),
            (Array("plain".utf8), "x", "no type", "application/octet-stream"),
            (Array("plain".utf8), "x", "a/b\r\nX: y", "application/octet-stream"),
            (
                [0x50, 0x4B, 0x03, 0x04], "x.docx", nil,
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            ),
            ([0x50, 0x4B, 0x03, 0x04], "x.html", nil, "application/zip"),
            ([], "photo.JPG", nil, "image/jpeg"),
        ] as [([UInt8], String, String?, String)])
    func types(signature: [UInt8], name: String, declared: String?, expected: String) {
        #expect(MediaType.of(signature: signature, name: name, declared: declared) == expected)
    }
}
