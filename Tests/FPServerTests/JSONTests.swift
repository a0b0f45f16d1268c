import FPFormats
import FPUploads
import Foundation
import Support
import Testing

@testable import FPAPI

@Suite("JSON")
struct JSONTests {
    @Test(
        "a value is written as it was read, without the white space",
        arguments: [
            ("null", "null"), (" true ", "true"), ("[ ]", "[]"), ("{}", "{}"), ("-0.50e+10", "-0.50e+10"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("{\"b\":1,\"a\":[1,\"x\",{}]}", "{\"b\":1,\"a\":[1,\"x\",{}]}"),
            ("\"\\u00e9\\n\\\"\\\\\\/\\ud83d\\ude00\"", "\"é\\n\\\"\\\\/😀\""), ("\"\\u0001\"", "\"\\u0001\""),
        ])
    func roundTrip(_ text: String, _ written: String) throws {
        let value = try JSON(parsing: text.utf8)
        #expect(value.text == written)
    }

    @Test(
        "what RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "nul", "tru", "01", "+1", ".5", "1.", "1e", "-", "NaN", "'a'", "\"a", "\"\n\"", "\"\\x\"",
            "\"\\u12\"", "\"\\ud83d\"", "\"\\ude00\\ud83d\\u0041\"", "\"\\ud83d\\u0041\"",
            "[1,]", "[1 2]", "{a:1}", "{\"a\"}", "{\"a\":1,}", "{\"a\":1", "[", "1 2", "{}x", "\u{FEFF}{}",
        ])
    func refused(_ text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text.utf8) }
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test("nesting is read to its limit and no further")
    func depth() throws {
        let limit = JSON.maximumDepth
        let deep = String(repeating: "[", count: limit) + "1" + String(repeating: "]", count: limit)
        _ = try JSON(parsing: deep.utf8)
        #expect(throws: JSONError.self) { try JSON(parsing: "[\(deep)]".utf8) }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000).utf8) }
    }

    @Test("Foundation reads what is written, for random values")
    func foundation() throws {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        for _ in 0..<500 {
            let value = Self.random(depth: 4, &random)
            let read = try JSONSerialization.jsonObject(with: Data(value.text.utf8), options: .fragmentsAllowed)
            let again = try JSONSerialization.data(withJSONObject: read, options: .fragmentsAllowed)
            let reparsed = try JSON(parsing: again)
            #expect(Self.sorted(reparsed) == Self.sorted(value), "seed \(random.seed)")
        }
    }

    private static func random(depth: Int, _ random: inout SeededGenerator) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int32.random(in: .min ... .max, using: &random))
        case 3: return .string(string(&random))
        case 4: return .array((0..<3).map { _ in Self.random(depth: depth - 1, &random) })
        default:
            return .object(
                (0..<3).map { .init(name: "\($0)\(string(&random))", value: Self.random(depth: depth - 1, &random)) })
        }
    }

    private static func string(_ random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0..<8, using: &random)).reduce(into: "") { text, _ in
            text.unicodeScalars.append(Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &random)) ?? "x")
        }
    }

    private static func sorted(_ value: JSON) -> JSON {
        switch value {
        case .array(let values): .array(values.map(sorted))
        case .object(let members):
            .object(
                members.map { .init(name: $0.name, value: sorted($0.value)) }
                    .sorted { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) })
        default: value
        }
    }
}
