import Support
import Testing

@testable import FPHTTP

/// FilePond 4's reading of a Content-Disposition, rule by rule: split at `filename=` and `filename*=…''`, drop what
/// comes before the first, trim, strip quotes and semicolons at the ends, drop empties, take the last, `decodeURI`.
private enum FilePondParser {
    struct URIError: Error {}

    static func name(in header: String) throws -> String? {
        let pieces = split(Array(header)).dropFirst().map { stripped(trimmed($0)) }.filter { !$0.isEmpty }
        return try pieces.last.map { try decodeURI(String($0)) }
    }

    /// `/filename=|filename\*=.+''/`: the second alternative is greedy.
    private static func split(_ text: [Character]) -> [[Character]] {
        let plain = Array("filename=")
        let extended = Array("filename*=")
        var pieces: [[Character]] = [[]]
        var index = 0
        while index < text.count {
            let rest = text[index...]
            if rest.starts(with: plain) {
                pieces.append([])
                index += plain.count
            } else if rest.starts(with: extended), let end = lastDoubleQuote(text, after: index + extended.count + 1) {
                pieces.append([])
                index = end
            } else {
                pieces[pieces.count - 1].append(text[index])
                index += 1
            }
        }
        return pieces
    }

    private static func lastDoubleQuote(_ text: [Character], after start: Int) -> Int? {
        guard start + 2 <= text.count else { return nil }
        return (start...text.count - 2).last { text[$0] == "'" && text[$0 + 1] == "'" }.map { $0 + 2 }
    }

    private static func trimmed(_ piece: [Character]) -> ArraySlice<Character> {
        var piece = piece[...].drop(while: \.isWhitespace)
        while piece.last?.isWhitespace == true { piece.removeLast() }
        return piece
    }

    private static func stripped(_ piece: ArraySlice<Character>) -> ArraySlice<Character> {
        var piece = piece
        if piece.first == "\"" || piece.first == "'" { piece.removeFirst() }
        for _ in 0..<2 where piece.last.map({ ";\"'".contains($0) }) ?? false { piece.removeLast() }
        return piece
    }

    /// ECMA-262, section 19.2.6.2: escapes of reserved characters stay.
    private static func decodeURI(_ text: String) throws -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                throw URIError()
            }
            let isReserved = value < 0x80 && ";/?:@&=+$,#".unicodeScalars.contains(Unicode.Scalar(value))
            bytes.append(contentsOf: isReserved ? [byte] + rest.prefix(2) : [value])
            rest = rest.dropFirst(2)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw URIError() }
        return decoded
    }
}

@Suite("Content-Disposition")
struct ContentDispositionTests {
    /// What RFC 8187 has escaped and `decodeURI` keeps: shown as its escape, the one thing that FilePond gets wrong, in
    /// a name that cannot be sent as it is.
    private func asFilePondShows(_ name: String, _ header: String) -> String {
        guard header.contains("filename*=UTF-8''") else { return name }
        return name.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case ",", ";", "=", "@", ":", "?", "/": text += "%" + String(scalar.value, radix: 16, uppercase: true)
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    @Test("the reference table of the client's parser holds for this test's own copy of it")
    func parser() throws {
        let name = FilePondParser.name
        #expect(try name("attachment; filename=\"a.jpg\"; filename*=UTF-8''%E6%97%A5.jpg") == "日.jpg")
        #expect(try name("attachment; filename*=UTF-8''%E6%97%A5; filename=\"fallback.jpg\"") == "fallback.jpg")
        #expect(throws: FilePondParser.URIError.self) { try name("attachment; filename=\"100%.jpg\"") }
        #expect(try name("attachment; filename*=UTF-8''a%26b%2Cc%40d%2Be%23f") == "a%26b%2Cc%40d%2Be%23f")
        #expect(try name("attachment; filename=\"a.jpg\"; size=12") == "a.jpg\"; size=12")
        #expect(try name("attachment; FILENAME=\"a\"") == nil)
        #expect(try name("attachment; filename=\"a\\\"b.jpg\"") == "a\\\"b.jpg")
        #expect(try name("attachment; filename*=UTF-8''O''Neil") == "Neil")
    }

    @Test(
        "FilePond reads the name back",
        arguments: [
            "a.jpg", "a b.txt", "100%.jpg", "%41.txt", "O'Neil.pdf", "''.txt", "say \"hi\".txt", "back\\slash",
            "日本語.png",
            "👩‍👩‍👧‍👦 family 🇯🇵.webp", "é.txt", "e\u{301}.txt", "a&b#c$d+e!f.txt", "filename=x.txt", "filename*=UTF-8''x", " ",
            ".",
            "(1).txt", "a*b", "tab\tname", "new\r\nSet-Cookie: a", "\u{0}", "\u{7F}", "ends'", "\"quoted\"",
            "~`^|{}<>[]", "logo@2x.png", "a, b; c: d = e?.txt", "a;", "a'", "'a", "a=b", "FileName=x", "a;'", "name=@",
        ])
    func readBack(_ name: String) throws {
        let header = ContentDisposition.attachment(name: name)
        #expect(try FilePondParser.name(in: header) == asFilePondShows(name, header), "\(header)")
    }

    @Test("FilePond reads any random name back, and the header is one line of printable ASCII")
    func randomNames() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        let pieces = [
            "%", "\"", "'", "''", "\\", ";", ",", "=", "@", ":", "?", "/", "&", "#", "+", "$", "filename=",
            "filename*=",
            "UTF-8''", ".", " ", "*", "(", ")", "%2", "%zz", "%E6", "\r\n", "\t", "\u{0}", "日", "é", "e\u{301}", "👍🏽",
            "\u{FEFF}",
        ]
        for _ in 0..<2000 {
            var name = ""
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                if Bool.random(using: &random) {
                    name += pieces.randomElement(using: &random)!
                } else {
                    let value = UInt32.random(in: 0...0x10FFFF, using: &random)
                    name.unicodeScalars.append(Unicode.Scalar(value) ?? "x")
                }
            }
            let header = ContentDisposition.attachment(name: name)
            #expect(header.utf8.allSatisfy { (0x20...0x7E).contains($0) })
            #expect(header.hasPrefix("attachment; filename=\""))
            let shown = asFilePondShows(name, header)
            let read = try FilePondParser.name(in: header)
            #expect(
                read.map { Array($0.utf8) } == Array(shown.utf8),
                "seed \(random.seed): \(name.debugDescription) gave \(header)")
        }
    }

    @Test("readers of the plain parameter get a harmless name of the same length")
    func fallback() {
        #expect(
            ContentDisposition.attachment(name: "100% \"日本\"\\.jpg")
                == "attachment; filename=\"100_ _____.jpg\"; filename*=UTF-8''100%25%20%22%E6%97%A5%E6%9C%AC%22%5C.jpg"
        )
    }

    @Test(
        "a name of plain ASCII comes alone, so that FilePond shows it as it is",
        arguments: ["logo@2x.png", "a, b; c: d = e?.txt", "O'Neil & Sons #1 (50$ + x).pdf", "a.jpg", "name=@"])
    func plain(_ name: String) throws {
        let header = ContentDisposition.attachment(name: name)
        #expect(header == "attachment; filename=\"\(name)\"")
        #expect(try FilePondParser.name(in: header) == name)
    }

    @Test("a file without a name is called file")
    func nameless() {
        #expect(ContentDisposition.attachment(name: "") == "attachment; filename=\"file\"")
    }
}
