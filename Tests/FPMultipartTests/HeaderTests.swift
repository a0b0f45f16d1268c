import FPMultipart
import NIOCore
import Testing

@Suite("What a part says about itself")
struct HeaderTests {
    /// The outcome for a form of one part with the given header lines.
    static func outcome(_ header: String, limits: MultipartParser.Limits = .init()) throws -> ParsedForm {
        try outcome(Array(header.utf8), limits: limits)
    }

    static func outcome(_ header: [UInt8], limits: MultipartParser.Limits = .init()) throws -> ParsedForm {
        let body = Array("--b\r\n".utf8) + header + Array("\r\n\r\nx\r\n--b--".utf8)
        let whole = try parse([body[...]], boundary: "b", limits: limits)
        let bytewise = try parse(cut(body, at: Array(1..<body.count)), boundary: "b", limits: limits)
        #expect(whole == bytewise)
        return whole
    }

    struct Names: CustomTestStringConvertible, Sendable {
        let disposition: String
        let name: String
        let filename: String?
        var testDescription: String { disposition }

        init(_ disposition: String, _ name: String, _ filename: String?) {
            self.disposition = disposition
            self.name = name
            self.filename = filename
        }
    }

    static let names: [Names] = [
        Names(#"form-data; name="filepond""#, "filepond", nil),
        Names(#"form-data; name="photos[]"; filename="a.jpg""#, "photos[]", "a.jpg"),
        Names(#"form-data; name="f"; filename="日本語 😀.txt""#, "f", "日本語 😀.txt"),
        Names(#"form-data; name="f"; filename="say %22hi%22.txt""#, "f", #"say "hi".txt"#),
        Names(#"form-data; name="a%22b"; filename="100%.txt""#, #"a"b"#, "100%.txt"),
        Names(#"form-data; name="f"; filename="a%20b%0D%0A%25.txt""#, "f", "a%20b%0D%0A%25.txt"),
        Names(#"form-data; name="f"; filename="C:\dir\a.txt""#, "f", #"C:\dir\a.txt"#),
        Names(#"form-data; name="f"; filename="../../etc/passwd""#, "f", "../../etc/passwd"),
        Names(#"form-data; name="f"; filename="a \"b\" c.txt""#, "f", #"a "b" c.txt"#),
        Names(#"form-data; name="f"; filename="a\\b""#, "f", #"a\b"#),
        Names(#"form-data; name="f"; filename="ends with \""#, "f", #"ends with \"#),
        Names(#"form-data; name="a\"; filename="b""#, #"a\"#, "b"),
        Names(#"form-data; name="f"; filename="a; b=c.txt""#, "f", "a; b=c.txt"),
        Names(#"form-data; name="f"; filename="""#, "f", ""),
        Names(#"form-data; name="""#, "", nil),
        Names(#"form-data; name=f; filename=a.txt"#, "f", "a.txt"),
        Names(#"FORM-DATA ; NAME = "f" ; FileName = "a.txt" ;"#, "f", "a.txt"),
        Names(#"form-data; filename="a.txt"; name="f""#, "f", "a.txt"),
        Names(#"form-data; name="f"; filename="x"; filename*=UTF-8''%E6%97%A5%20%22.txt"#, "f", #"日 ".txt"#),
        Names(#"form-data; name="f"; filename*=utf-8'en'y.jpg"#, "f", "y.jpg"),
        Names(#"form-data; name="f"; filename="x"; filename*=iso-8859-1''%E9"#, "f", "x"),
        Names(#"form-data; name="f"; filename="x"; filename*=UTF-8''%E9"#, "f", "x"),
        Names(#"form-data; name="f"; filename="x"; filename*=UTF-8''a%00b"#, "f", "x"),
        Names(#"form-data; name="f"; filename="x"; filename*=UTF-8''%4"#, "f", "x"),
        Names(#"form-data; name="f"; size=12; other="y""#, "f", nil),
        Names("form-data; name=\"f\"; filename=\"a\tb\"", "f", "a\tb"),
    ]

    @Test("names are read as browsers send them, and as RFC 7578 has them", arguments: names)
    func reads(_ names: Names) throws {
        let form = try Self.outcome("Content-Disposition: \(names.disposition)")
        #expect(form.error == nil)
        #expect(form.parts.first?.name == names.name)
        #expect(form.parts.first?.filename == names.filename)
    }

    @Test(
        "hostile headers are refused with their reason",
        arguments: [
            ("Content-Type: text/plain", MultipartError.badDisposition),
            ("", .badDisposition),
            ("Content-Disposition: attachment; name=\"f\"", .badDisposition),
            (
                "Content-Disposition: form-data; name=\"f\"\r\nContent-Disposition: form-data; name=\"g\"",
                .badDisposition
            ),
            ("Content-Disposition: form-data", .missingName),
            ("Content-Disposition: form-data; filename=\"a\"", .missingName),
            ("Content-Disposition: form-data; name=\"f\"; name=\"g\"", .brokenParameter),
            ("Content-Disposition: form-data; name=\"f\"; filename=\"a\"; FILENAME=\"b\"", .brokenParameter),
            ("Content-Disposition: form-data; name=\"f", .brokenParameter),
            ("Content-Disposition: form-data; name=\"f\"x", .brokenParameter),
            ("Content-Disposition: form-data; name", .brokenParameter),
            ("Content-Disposition: form-data; =\"f\"", .brokenParameter),
            ("Content-Disposition: form-data; name=\"f\" filename=\"a\"", .brokenParameter),
            ("Content-Disposition: form-data; name=\"a\u{0}b\"", .brokenHeader),
            ("Content-Disposition: form-data; name=\"a\nb\"", .brokenHeader),
            ("Content-Disposition: form-data; name=\"a\rb\"", .brokenHeader),
            ("Content-Disposition: form-data; name=\"f\"\nContent-Type: x", .brokenHeader),
            ("Content-Disposition: form-data;\r\n name=\"f\"", .brokenHeader),
            ("Content-Disposition form-data", .brokenHeader),
            (": form-data", .brokenHeader),
            ("Content-Disposition : form-data; name=\"f\"", .brokenHeader),
            ("Content-Disposition: form-data; name=\"f\"\r\nContent-Type: a\r\nContent-Type: b", .brokenHeader),
            ("Content-Disposition: form-data; name=\"f\"\r\nContent-Transfer-Encoding: base64", .encoded),
        ]
    )
    func refuses(header: String, error: MultipartError) throws {
        let form = try Self.outcome(header)
        #expect(form.error == error)
        #expect(form.parts.isEmpty && form.openPart == nil)
        #expect(!error.description.isEmpty)
    }

    @Test("a name that is not UTF-8 is refused")
    func notUTF8() throws {
        let header = Array("Content-Disposition: form-data; name=\"caf".utf8) + [0xE9] + Array("\"".utf8)
        #expect(try Self.outcome(header).error == .notUTF8)
    }

    @Test("other fields and a binary transfer encoding do not matter")
    func otherFields() throws {
        let form = try Self.outcome(
            "X-Anything: \"; name=\r\nContent-Transfer-Encoding: Binary\r\ncontent-type:  text/plain; a=b \r\n"
                + "CONTENT-DISPOSITION:form-data;name=f"
        )
        #expect(form.parts == [FormPart(name: "f", filename: nil, contentType: "text/plain; a=b", content: [120])])
    }

    @Test("a header may have as many fields as the limit says, and no more")
    func fieldLimit() throws {
        let line = "\r\nX-A: b"
        let disposition = "Content-Disposition: form-data; name=f"
        #expect(try Self.outcome(disposition + String(repeating: line, count: 15)).error == nil)
        #expect(try Self.outcome(disposition + String(repeating: line, count: 16)).error == .tooManyHeaders(limit: 16))
    }

    @Test("a header may be as long as the limit says, and no longer")
    func lengthLimit() throws {
        var limits = MultipartParser.Limits()
        limits.headerBytes = 100
        let line = "Content-Disposition: form-data; name="
        let fits = line + String(repeating: "n", count: 100 - line.utf8.count)
        #expect(try Self.outcome(fits, limits: limits).error == nil)
        #expect(try Self.outcome(fits + "n", limits: limits).error == .headerTooLong(limit: 100))
    }

    @Test("a header without an end stops at the limit")
    func endless() throws {
        let body = Array("--b\r\n".utf8) + Array(repeating: UInt8(ascii: "x"), count: 20_000)
        #expect(try parse([body[...]], boundary: "b").error == .headerTooLong(limit: 16 << 10))
    }
}
