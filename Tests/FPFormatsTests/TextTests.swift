import FPFormats
import Support
import Testing

@Suite("Text by its bytes")
struct TextTests {
    /// A combining acute accent, which makes one Character of itself and what it follows.
    private let mark = "\u{301}"

    @Test("a slash separates whatever follows it")
    func parts() {
        #expect("../\(mark)x".parts(at: "/").map { Array($0.utf8) } == [Array("..".utf8), Array("\(mark)x".utf8)])
        #expect("/".parts(at: "/") == ["", ""])
        #expect("".parts(at: "/") == [""])
        #expect("a//b/".parts(at: "/") == ["a", "", "b", ""])
    }

    @Test("beginnings and ends are those of the bytes")
    func ends() throws {
        #expect("/\(mark)x".begins(with: "/"))
        #expect(try #require("/\(mark)x".without(prefix: "/")).utf8.elementsEqual("\(mark)x".utf8))
        #expect("x/\(mark)".without(suffix: "/") == nil)
        #expect("x/".without(suffix: "/") == "x")
        #expect("x".without(suffix: "") == "x")
        #expect(!"x".ends(with: "xx"))
        #expect("e\(mark)".ends(with: mark))
        #expect(!"\u{e9}".begins(with: "e\(mark)"))
    }

    @Test("only the same bytes are the same text")
    func same() {
        #expect(!"\u{e9}".isSame(as: "e\(mark)"))
        #expect(!"\u{212A}".isSame(as: "K"))
        #expect(TextKey("\u{e9}") != TextKey("e\(mark)"))
        #expect(Set([TextKey("\u{e9}"), TextKey("e\(mark)"), TextKey("\u{e9}")]).count == 2)
        #expect("chun\u{212A}ed".asciiLowercased() != "chunked")
        #expect("CHUNKED".asciiLowercased() == "chunked")
    }

    @Test("a text is cut at the first or last of a character")
    func cuts() throws {
        let first = try #require("a=\(mark)b=c".cut(at: "="))
        #expect(first.before == "a" && first.behind.utf8.elementsEqual("\(mark)b=c".utf8))
        let last = try #require("a.b.\(mark)".cutAtLast("."))
        #expect(last.before == "a.b" && last.behind.utf8.elementsEqual(mark.utf8))
        #expect("a".cut(at: "=") == nil)
        #expect(" \t a b\t".trimmingBlanks() == "a b")
        #expect("\r\n a \r\n".trimmingSpace() == "a")
        #expect(" ".trimmingBlanks().isEmpty)
        #expect("a?\(mark)".has("?"))
        #expect("a:/\(mark)/".holds(":/"))
        #expect(!"a:/".holds(":/ "))
    }

    @Test("the parts of any text, joined again, are its bytes")
    func joined() {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        for _ in 0..<500 {
            let text = random.text(upTo: 30)
            let parts = text.parts(at: "/")
            #expect(parts.joined(separator: "/").utf8.elementsEqual(text.utf8), "seed \(random.seed)")
            #expect(parts.allSatisfy { !$0.utf8.contains(UInt8(ascii: "/")) }, "seed \(random.seed)")
        }
    }
}

@Suite("File names and normal form")
struct FileNameTests {
    @Test(
        "a name loses what would make it a path, another name or part of what is before it",
        arguments: [
            ("../\u{301}", "file"), ("x/\u{301}y.txt", "y.txt"), ("\u{1611E}\u{1611E}", "file"),
            ("a\u{1611E}\u{1611E}", "a\u{16121}"), ("\u{200D}a", "a"), ("a\u{378}b", "ab"), ("a\u{FFFF}.b", "a.b"),
            ("a\\\u{301}b", "b"), ("a\u{85}b\u{2028}c", "abc"), ("..\u{301}", "..\u{301}"), ("\u{3000}a ", "a"),
            ("👩‍👩‍👧 e\u{301}.txt", "👩‍👩‍👧 \u{e9}.txt"), ("नमस्ते.pdf", "नमस्ते.pdf"),
        ])
    func cleaned(name: String, expected: String) {
        #expect(Array(FileName.sanitised(name).unicodeScalars) == Array(expected.unicodeScalars))
    }

    @Test("a long name keeps its extension, and is cut between characters unless one is longer than any name")
    func long() {
        let family = "👩‍👩‍👧"
        let name = FileName.sanitised(String(repeating: family, count: 40) + ".jpeg")
        #expect(name.utf8.count <= 255)
        #expect(name.without(suffix: ".jpeg").map { $0.allSatisfy { "\($0)" == family } } == true)
        let marked = FileName.sanitised("a" + String(repeating: "\u{316}", count: 4000) + ".txt")
        #expect(marked.utf8.count <= 255 && marked.ends(with: ".txt") && marked.begins(with: "a"))
        let stem = String(repeating: "a", count: 254)
        #expect(FileName.sanitised(stem + " b").isSame(as: stem), "no white space is left at the cut")
    }

    @Test("normalization form C of any text is in form C, and stays what it is")
    func normalized() {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        for _ in 0..<2000 {
            let text = random.text(upTo: 12)
            let composed = NormalForm.composed(text)
            #expect(NormalForm.isComposed(composed), "seed \(random.seed): \(text.debugDescription)")
            #expect(NormalForm.composed(composed).isSame(as: composed), "seed \(random.seed)")
        }
        #expect(NormalForm.composed("\u{1611E}\u{1611E}").isSame(as: "\u{16121}"))
        #expect(!NormalForm.isComposed("\u{1611E}\u{1611E}"))
        #expect(!NormalForm.isStable("\u{378}") && !NormalForm.isStable("\u{FFFE}") && NormalForm.isStable("\u{1611E}"))
    }

    @Test("a cleaned name cleaned again is itself, whatever it was")
    func idempotent() {
        var random = SeededGenerator()
        print("seed \(random.seed)")
        for _ in 0..<2000 {
            let name = FileName.sanitised(random.text(upTo: 300))
            #expect(FileName.sanitised(name).isSame(as: name), "seed \(random.seed): \(name.debugDescription)")
            #expect(name.utf8.count <= 255 && !name.has("/") && !name.has("\\"), "seed \(random.seed)")
        }
    }
}

extension SeededGenerator {
    /// Text of what is awkward more often than not.
    mutating func text(upTo count: Int) -> String {
        let awkward: [Unicode.Scalar] = [
            "/", "\\", ".", " ", "\u{301}", "\u{338}", "\u{1611E}", "\u{200D}", "\u{FE0F}", "\u{378}", "e", "\u{1100}",
            "\u{1161}", "\u{11A8}", "\u{212A}", "\u{F71}", "\u{F72}", "\u{202E}", "%", "\u{110BA}", "\u{0}",
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...count, using: &self) {
            if Bool.random(using: &self) {
                scalars.append(awkward[Int.random(in: 0..<awkward.count, using: &self)])
            } else {
                scalars.append(Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &self)) ?? "x")
            }
        }
        return String(scalars)
    }
}
