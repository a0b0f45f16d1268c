import FPFormats
import Testing

struct TypePatternTests {
    @Test(
        arguments: [
            ("image/*", .group("image")), ("Image/PNG", .type("image/png")), ("image/jpg", .type("image/jpeg")),
            ("text/xml", .type("application/xml")), (".exe", .ending("exe")), (".PHP", .ending("php")),
            (".7z", .ending("7z")), (".htaccess", .ending("htaccess")),
        ] as [(String, TypePattern)])
    func `a media type, a kind of them or an extension is read`(text: String, pattern: TypePattern) throws {
        #expect(try TypePattern.parse(text).get() == pattern)
    }

    @Test(arguments: [
        "", "*", "*/*", "/", "image/", "/png", "image", "exe", ".", "..", ".tar.gz", ".e/e", "image/png; q=1",
        "no/such", "nothing/*", "image/p g", ".\u{FF45}xe", ". exe",
    ])
    func `what no file could match is refused`(text: String) {
        #expect(throws: Complaint.self) { try TypePattern.parse(text).get() }
    }

    @Test func `every name of a media type that is known here is its own canonical name`() {
        for type in FileExtension.knownTypes { #expect(MediaTypeName.parse(type) == type) }
    }

    @Test(arguments: [
        ("report.js.pdf", ["js", "pdf"]), ("evil.php.", ["php"]), ("evil.PHP ", ["php"]), ("evil.php. . ", ["php"]),
        ("evil.php\u{0}.png", ["php", "png"]), ("evil.php%00.png", ["php", "png"]), ("evil.php;.jpg", ["php", "jpg"]),
        ("evil.php:x.jpg", ["php", "jpg"]), ("evil.asp::$DATA", ["asp"]), ("evil%2Ephp", ["php"]),
        ("evil\u{FF0E}php", ["php"]), ("evil.\u{FF50}\u{FF28}\u{FF50}", ["php"]), ("evil\u{2024}exe", ["exe"]),
        ("evil.p\u{200B}hp", ["php"]), ("evil.p\u{AD}hp", ["php"]), ("evil.p\u{FE0F}hp", ["php"]),
        ("evil.\u{A0}php", ["php"]), ("evil.p\u{202E}hp", ["php"]), ("evil.\u{1D429}\u{1D421}\u{1D429}", ["php"]),
        ("evil.\u{212A}ml", ["kml"]), ("evil.j\u{17F}", ["js"]), (".htaccess", ["htaccess"]), ("README", []),
        ("a.b.c", ["b", "c"]), ("evil.exe (1).pdf", ["exe", "pdf"]),
    ])
    func `whatever some system takes for an extension is found`(name: String, endings: [String]) {
        let found = FileExtension.all(in: name)
        for ending in endings { #expect(found.contains(ending), "\(found)") }
        if endings.isEmpty { #expect(found == []) }
    }
}
