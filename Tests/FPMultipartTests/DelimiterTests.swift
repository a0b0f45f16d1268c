import NIOCore
import Support
import Testing

@testable import FPMultipart

@Suite("The search for the delimiter")
struct DelimiterTests {
    /// Few characters, so that pieces of the delimiter turn up everywhere and within itself.
    static let alphabet = Array("-ab")

    static func boundary(_ random: inout SeededGenerator) -> String {
        String((0..<Int.random(in: 1...8, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "a" })
    }

    /// Hardly anything but what could begin, continue or be mistaken for the delimiter.
    static func content(_ delimiter: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var content: [UInt8] = []
        for _ in 0..<Int.random(in: 0...12, using: &random) {
            var piece = delimiter
            switch Int.random(in: 0..<6, using: &random) {
            case 0: piece = Array(repeating: Array("\r\n-".utf8).randomElement(using: &random) ?? 0, count: 1)
            case 1: piece = Array(delimiter.prefix(Int.random(in: 1..<delimiter.count, using: &random)))
            case 2: piece = Array(delimiter.suffix(Int.random(in: 1..<delimiter.count, using: &random)))
            case 3: piece.remove(at: Int.random(in: 0..<delimiter.count, using: &random))
            case 4: piece[Int.random(in: 0..<delimiter.count, using: &random)] = random.bytes(1)[0]
            // A byte that is the same to a hash which loses its upper bits.
            default:
                piece[Int.random(in: 0..<delimiter.count, using: &random)] ^=
                    [32, 64, 128][Int.random(in: 0..<3, using: &random)]
            }
            content += piece
        }
        return content
    }

    /// The first place of the delimiter, looked for one byte at a time.
    static func place(of delimiter: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.indices.first { bytes[$0...].starts(with: delimiter) }
    }

    @Test("memory full of look-alikes is split where the simplest search splits it, from every byte on")
    func split() {
        var random = SeededGenerator()
        print("delimiter search seed \(random.seed)")
        for round in 0..<200 {
            let delimiter = Array("\r\n--\(Self.boundary(&random))".utf8)
            let search = DelimiterSearch(delimiter)
            let bytes = Self.content(delimiter, &random) + delimiter + Self.content(delimiter, &random)
            for start in 0...bytes.count {
                let piece = Array(bytes[start...])
                let end = (0..<delimiter.count).last { piece.suffix($0).elementsEqual(delimiter.prefix($0)) } ?? 0
                let due = Self.place(of: delimiter, in: piece).map { ($0, delimiter.count) } ?? (piece.count - end, end)
                let found = piece.withUnsafeBytes { search.split($0) }
                #expect(found == due, "seed \(random.seed), round \(round), from \(start)")
            }
        }
    }

    @Test("a form full of look-alikes reads the same cut at every place, and as the simplest parser reads it")
    func everyCut() throws {
        var random = SeededGenerator()
        print("delimiter cut seed \(random.seed)")
        for round in 0..<40 {
            let boundary = Self.boundary(&random)
            let delimiter = Array("\r\n--\(boundary)".utf8)
            let parts = (0..<2).map { _ in
                var content = Self.content(delimiter, &random)
                // With what is before and behind it, as it could become a delimiter with these.
                let lineEnd = Array("\r\n".utf8)
                while let place = Self.place(of: delimiter, in: lineEnd + content + delimiter),
                    place < lineEnd.count + content.count
                {
                    content[max(0, place - lineEnd.count)] = 0
                }
                return FormPart(name: "f", filename: nil, contentType: nil, content: content)
            }
            let body = encoded(parts, boundary: boundary)
            #expect(referenceParse(body, boundary: boundary) == parts, "seed \(random.seed), round \(round)")
            for place in 0...body.count {
                // Another cut soon behind it, so that a match may go on through a whole buffer.
                let next = min(body.count, place + Int.random(in: 0...delimiter.count, using: &random))
                for places in [[place], [place, next]] {
                    let form = try parse(cut(body, at: places), boundary: boundary)
                    #expect(
                        form == ParsedForm(parts: parts, isComplete: true),
                        "seed \(random.seed), round \(round), cut at \(places)")
                }
            }
        }
    }
}
