import FPMultipart
import NIOCore
import Testing

@Suite("The form around the parts")
struct FormTests {
    static let line = "Content-Disposition: form-data; name=f\r\n"

    @Test(
        "a boundary is taken from the content type",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"),
            ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"", "a b"),
            (
                "multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                "----WebKitFormBoundary7MA4YWxkTrZu0gW"
            ),
            ("multipart/form-data; boundary=\"--=_Part_1/(2)'+,.:?\"", "--=_Part_1/(2)'+,.:?"),
            ("multipart/form-data; boundary=--=_Part_1/(2)'+,.:?", "--=_Part_1/(2)'+,.:?"),
            ("multipart/form-data; boundary=abc; x=y;", "abc"),
        ]
    )
    func boundary(contentType: String, expected: String) throws {
        #expect(try MultipartBoundary(contentType: contentType) == MultipartBoundary(expected))
    }

    @Test(
        "a content type without a proper boundary is refused",
        arguments: [
            ("", MultipartError.notMultipart),
            ("text/plain", .notMultipart),
            ("multipart/mixed; boundary=abc", .notMultipart),
            ("application/offset+octet-stream", .notMultipart),
            ("multipart/form-data", .badBoundary),
            ("multipart/form-data; boundary=", .badBoundary),
            ("multipart/form-data; boundary=\"\"", .badBoundary),
            ("multipart/form-data; boundary=\"a ", .badBoundary),
            ("multipart/form-data; boundary=\"a \"", .badBoundary),
            ("multipart/form-data; boundary=a; boundary=b", .badBoundary),
            ("multipart/form-data; boundary=a\u{E9}", .badBoundary),
            ("multipart/form-data; boundary=a_b@c", .badBoundary),
            ("multipart/form-data; boundary=\(String(repeating: "a", count: 71))", .badBoundary),
        ]
    )
    func badBoundary(contentType: String, error: MultipartError) {
        #expect(throws: error) { try MultipartBoundary(contentType: contentType) }
    }

    @Test("a boundary may have 70 characters")
    func longestBoundary() throws {
        let boundary = String(repeating: "a", count: 70)
        let parts = [FormPart(name: "f", filename: nil, contentType: nil, content: Array(repeating: 97, count: 300))]
        #expect(try parse([encoded(parts, boundary: boundary)[...]], boundary: boundary).parts == parts)
    }

    @Test("a form may be empty")
    func emptyForm() throws {
        #expect(try parse([Array("--b--".utf8)[...]], boundary: "b") == ParsedForm(isComplete: true))
    }

    @Test("a part may be empty, with or without the line's end that would begin its content")
    func emptyPart() throws {
        let part = FormPart(name: "f", filename: nil, contentType: nil, content: [])
        for body in ["--b\r\n\(Self.line)\r\n\r\n--b--", "--b\r\n\(Self.line)\r\n--b--"] {
            #expect(try parse([Array(body.utf8)[...]], boundary: "b") == ParsedForm(parts: [part], isComplete: true))
        }
    }

    @Test("spaces after a boundary are allowed, within the limit")
    func padding() throws {
        let part = FormPart(name: "f", filename: nil, contentType: nil, content: [120])
        for count in [1, 128, 129] {
            let body = Array("--b\(String(repeating: " ", count: count))\r\n\(Self.line)\r\nx\r\n--b-- \t\r\n".utf8)
            for pieces in [[body[...]], cut(body, at: Array(1..<body.count))] {
                let form = try parse(pieces, boundary: "b")
                #expect(
                    form
                        == (count > 128
                            ? ParsedForm(error: .brokenDelimiter) : ParsedForm(parts: [part], isComplete: true)))
            }
        }
    }

    @Test(
        "a boundary that goes on as something else is refused",
        arguments: ["--bX", "--b-X", "--b\n", "--b\rX", "--b\u{0}", "--b \u{B}"]
    )
    func brokenDelimiter(start: String) throws {
        #expect(try parse([Array((start + "\r\n").utf8)[...]], boundary: "b").error == .brokenDelimiter)
        let inContent = "--b\r\n\(Self.line)\r\nx\r\n\(start)\r\n"
        #expect(try parse([Array(inContent.utf8)[...]], boundary: "b").error == .brokenDelimiter)
    }

    @Test("a body that does not begin with its boundary is refused before it has been read for long")
    func noBoundary() throws {
        let body = Array(repeating: UInt8(ascii: "x"), count: 17 << 10)
        #expect(try parse([body[...]], boundary: "b").error == .noBoundary)
        #expect(try parse([body[..<(16 << 10)]], boundary: "b").error == .truncated)
    }

    @Test("lines that end in a bare line feed are no form")
    func bareLineFeeds() throws {
        let body = Array("--b\n\(Self.line.replacing("\r\n", with: "\n"))\nx\n--b--\n".utf8)
        #expect(try parse([body[...]], boundary: "b").error == .brokenDelimiter)
    }

    @Test("what follows the form is dropped, however much there is")
    func epilogue() throws {
        let body = Array("--b--\r\n".utf8) + Array(repeating: 7, count: 1 << 20) + Array("\r\n--b\r\n".utf8)
        #expect(try parse(cut(body, at: [3, 4, 5, 6, 500_000]), boundary: "b") == ParsedForm(isComplete: true))
    }

    @Test("an error stays")
    func sticky() throws {
        var parser = MultipartParser(boundary: try MultipartBoundary("b"))
        parser.append(ByteBuffer(string: "--bX--b--"))
        for _ in 0..<3 {
            #expect(throws: MultipartError.brokenDelimiter) { try parser.next() }
            #expect(throws: MultipartError.brokenDelimiter) { try parser.finish() }
            parser.append(ByteBuffer(string: "--b--"))
        }
    }
}
