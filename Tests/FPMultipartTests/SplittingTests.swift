import FPMultipart
import NIOCore
import Support
import Testing

@Suite("A form reads the same however its bytes are cut")
struct SplittingTests {
    static let boundary = "----formBoundaryX7"

    /// Contents that look like the delimiter without being one.
    static let lookalikes: [String] = [
        "\r\n--", "\r\n-", "\r", "\n", "\r\n", "\r\r\n--", "x--\(boundary)", "\n--\(boundary)", "\r--\(boundary)",
        "\r\n--\(boundary.dropLast())", "\r\n-\(boundary)", "\r\n--\(boundary.dropLast())x", "\r\n\r\n--",
        "\r\n--\(boundary.dropLast())\r\n--\(boundary.dropLast())", "x--\(boundary)--\r\n", "\r\n \r\n--",
    ]

    static func form(_ contents: [String]) -> [FormPart] {
        contents.enumerated().map { index, content in
            FormPart(
                name: "field\(index)",
                filename: index % 2 == 0 ? nil : "f\(index).bin",
                contentType: index % 2 == 0 ? nil : "application/octet-stream",
                content: Array(content.utf8)
            )
        }
    }

    @Test("cut once, at every position", arguments: ["", "\r\npre\r\n--not\r\n"])
    func everyPosition(preamble: String) throws {
        let parts = Self.form(["{}", "", "\r\n", "\r\n--for", "x--form\r\n--for"])
        let body = encoded(parts, boundary: "form", preamble: preamble, epilogue: "epilogue \r\n--x")
        for place in 0...body.count {
            let form = try parse(cut(body, at: [place]), boundary: "form")
            #expect(form == ParsedForm(parts: parts, isComplete: true), "cut at \(place)")
        }
    }

    @Test("cut into single bytes, and into every other size")
    func everySize() throws {
        let parts = Self.form(Self.lookalikes)
        let body = encoded(parts, boundary: Self.boundary)
        for size in Array(1...12) + [20, 40, 41, 100] {
            let form = try parse(
                cut(body, at: Array(stride(from: size, to: body.count, by: size))),
                boundary: Self.boundary
            )
            #expect(form == ParsedForm(parts: parts, isComplete: true), "pieces of \(size)")
        }
    }

    @Test("cut twice, at every pair of positions around a boundary")
    func everyPair() throws {
        let parts = Self.form(["a\r\n--"])
        let body = encoded(parts, boundary: "b0")
        for first in 0...body.count {
            for second in first...body.count {
                let form = try parse(cut(body, at: [first, second]), boundary: "b0")
                #expect(form == ParsedForm(parts: parts, isComplete: true), "cut at \(first) and \(second)")
            }
        }
    }

    @Test("random boundaries, random contents full of look-alikes, random cuts; the simplest parser agrees")
    func random() throws {
        var random = SeededGenerator()
        let seed = random.seed
        print("multipart seed \(seed)")
        let alphabet = Array("0123456789abcXYZ'()+_,-./:=?")
        for round in 0..<100 {
            let boundary = String(
                (0..<Int.random(in: 1...70, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
            let parts = (0..<Int.random(in: 1...5, using: &random)).map { index in
                FormPart(
                    name: "n\(index)",
                    filename: Bool.random(using: &random) ? "ファイル\(index)" : nil,
                    contentType: Bool.random(using: &random) ? "image/png" : nil,
                    content: Self.content(boundary, &random)
                )
            }
            let body = encoded(parts, boundary: boundary)
            let places = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                Int.random(in: 0...body.count, using: &random)
            }
            let form = try parse(cut(body, at: places), boundary: boundary)
            #expect(form == ParsedForm(parts: parts, isComplete: true), "seed \(seed), round \(round)")
            #expect(referenceParse(body, boundary: boundary) == parts, "seed \(seed), round \(round): the reference")
        }
    }

    /// Random bytes with pieces of the delimiter in between, but never all of it.
    static func content(_ boundary: String, _ random: inout SeededGenerator) -> [UInt8] {
        let delimiter = Array("\r\n--\(boundary)".utf8)
        var content: [UInt8] = []
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            if Bool.random(using: &random) {
                content += delimiter.prefix(Int.random(in: 0..<delimiter.count, using: &random))
            } else {
                content += random.bytes(Int.random(in: 0...300, using: &random))
            }
        }
        // Two pieces may have made a whole one; a byte that no boundary holds breaks it.
        for start in content.indices.dropLast(delimiter.count - 1)
        where content[start..<start + delimiter.count].elementsEqual(delimiter) {
            content[start + delimiter.count - 1] = 0
        }
        // Nor may the last piece become one with the delimiter that follows.
        return content.last == UInt8(ascii: "\r") ? content + [0] : content
    }

    @Test("damaged bodies fail alike, or read alike, at any cut")
    func damaged() throws {
        var random = SeededGenerator()
        let seed = random.seed
        print("multipart damage seed \(seed)")
        let parts = Self.form(["{}", "content", "\r\n--"])
        let sound = encoded(parts, boundary: Self.boundary, preamble: "hello\r\n")
        for round in 0..<500 {
            var body = sound
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: body[place] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: place)
                default: body.insert(contentsOf: body[..<(place % 8)], at: place)
                }
            }
            let whole = try parse([body[...]], boundary: Self.boundary)
            let places = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                Int.random(in: 0...body.count, using: &random)
            }
            let pieces = try parse(cut(body, at: places), boundary: Self.boundary)
            #expect(pieces == whole, "seed \(seed), round \(round)")
        }
    }

    @Test("a body cut short is truncated, wherever it was cut")
    func truncated() throws {
        let parts = Self.form(["{}", "content"])
        let body = encoded(parts, boundary: Self.boundary)
        let end = body.count - "\r\n".utf8.count
        for count in 0..<end {
            let form = try parse([body[..<count]], boundary: Self.boundary)
            #expect(form.error == .truncated, "\(count) bytes")
            #expect(!form.isComplete)
        }
        #expect(try parse([body[..<end]], boundary: Self.boundary).error == nil)
    }

    @Test("a file's bytes are handed over in the memory they came in")
    func noCopies() throws {
        var parser = MultipartParser(boundary: try MultipartBoundary(Self.boundary))
        let part = FormPart(name: "f", filename: "x", contentType: nil, content: Array(repeating: 7, count: 100_000))
        let body = ByteBuffer(bytes: encoded([part], boundary: Self.boundary))
        parser.append(body)
        var seen = 0
        // The addresses are compared, never used.
        let range = body.withUnsafeReadableBytes {
            Int(bitPattern: $0.baseAddress)..<Int(bitPattern: $0.baseAddress) + $0.count
        }
        while let event = try parser.next() {
            if case .bytes(let bytes) = event {
                seen += bytes.readableBytes
                #expect(bytes.withUnsafeReadableBytes { range.contains(Int(bitPattern: $0.baseAddress)) })
            }
        }
        #expect(seen == 100_000)
    }
}
