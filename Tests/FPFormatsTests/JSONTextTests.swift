import FPFormats
import Testing

@Suite("JSON text")
struct JSONTextTests {
    @Test(
        "a text is JSON to the one that looks it through exactly if it is to the one that makes a tree",
        arguments: [
            "null", " true ", "[ ]", "{}", "-0.50e+10", "{\"b\":1,\"a\":[1,\"x\",{}]}", "\"\\ud83d\\ude00\"", "[[],{}]",
            "{\"a\":{\"b\":[{}]}}", "", " ", "nul", "01", "+1", ".5", "1.", "1e", "-", "'a'", "\"a", "\"\n\"",
            "\"\\x\"", "\"\\u12\"", "[1,]", "[1 2]", "{a:1}", "{\"a\"}", "{\"a\":1,}", "{\"a\":1", "[", "]", "1 2",
            "{}x", "[}", "{]", "{\"a\":[}", "[,1]", "{,}", "[1,2", "\u{FEFF}{}", "\"\\ud83d\"", "\"\\ude00\\ud83d\"",
            "\"\\ud83dx\"", "\"\\ud83d\\u0041\"", "{\"\\ud800\":1}", "[1]]", "{\"a\":1}}", "\"\\uD8\"",
        ])
    func agree(_ text: String) {
        let tree = Result { try JSON(parsing: text.utf8) }
        let looked = Result { try JSONText(text) }
        switch (tree, looked) {
        case (.success(let tree), .success(let looked)):
            #expect(looked.text == text)
            #expect(looked.isObject == (tree.kind == "an object"))
        case (.failure(let one as JSONError), .failure(let other as JSONError)):
            #expect(one.kind == other.kind)
        default: Issue.record("\(tree) and \(looked)")
        }
    }

    @Test("half of a surrogate pair is a fault of its own")
    func surrogates() {
        for text in ["\"\\ud800\"", "[\"\\udfff\"]", "{\"\\udbff\":1}", "\"\\ud800\\ud800\""] {
            #expect(throws: JSONError.self) { try JSONText(text) }
            do { _ = try JSONText(text) } catch { #expect(error.kind == .surrogate, "\(text)") }
        }
    }

    @Test("depth and values are counted, and reading takes no stack however deep a text is")
    func limits() throws {
        let limits = JSONText.Limits(depth: 3, values: 5)
        _ = try JSONText("[[[1]]]", limits: limits)
        _ = try JSONText("[1,2,3,4]", limits: limits)
        for text in ["[[[[]]]]", "[1,2,3,4,5]", "{\"a\":{\"b\":{\"c\":{}}}}", String(repeating: "[", count: 1 << 20)] {
            do {
                _ = try JSONText(text, limits: limits)
                Issue.record("\(text.prefix(40))")
            } catch {
                #expect(error.kind == .tooMuch)
            }
        }
        let deep = String(repeating: "[", count: 1 << 20) + String(repeating: "]", count: 1 << 20)
        #expect(try JSONText(deep).text.utf8.count == 2 << 20)
    }
}
