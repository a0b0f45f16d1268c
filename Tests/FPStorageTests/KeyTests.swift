import FPStorage
import Testing

@Suite struct `Keys` {
    @Test(arguments: [
        "a", "a/b/c", "Ünï/日本語/🙂", ".hidden", "a/.fp", ".fpx", "...", "a b", "é", "q\u{327}\u{302}", "ক\u{9BE}",
        "각", String(repeating: "x", count: 255),
    ])
    func `a key that keeps the rules is taken`(key: String) throws {
        try ObjectKey.validate(key)
    }

    @Test(arguments: [
        ("", "empty"), ("/a", "slash"), ("a/", "slash"), ("a//b", "slash"), (".", "\".\""), ("a/../b", "\"..\""),
        ("a/./b", "\".\""), (".fp", "belong to the plugin"), (".fp/a", "belong to the plugin"), ("a\\b", "backslash"),
        ("a\nb", "control"), ("a\u{7F}", "control"), ("a\u{85}", "control"), ("a\u{0}", "control"),
        ("e\u{301}", "form C"), ("a\u{308}/b", "form C"), ("\u{212B}", "form C"), ("\u{1100}\u{1161}", "form C"),
        ("a\u{302}\u{327}", "form C"),
    ])
    func `a key that breaks a rule is refused with the rule`(key: String, rule: String) throws {
        let error = try #require(throws: ObjectKey.Violation.self) { try ObjectKey.validate(key) }
        #expect(error.message.contains(rule), "\(error.message)")
    }

    @Test func `lengths are counted in bytes`() throws {
        let segment = String(repeating: "x", count: 255)
        let longest = [segment, segment, segment, segment].joined(separator: "/") + "/"
        try ObjectKey.validate(longest.dropLast() + "")
        #expect(throws: ObjectKey.Violation.self) { try ObjectKey.validate(longest + "xx") }
        #expect(throws: ObjectKey.Violation.self) { try ObjectKey.validate(segment + "x") }
        #expect(throws: ObjectKey.Violation.self) { try ObjectKey.validate(String(repeating: "é", count: 128)) }
        #expect(throws: ObjectKey.Violation.self) { try ObjectKey.validate("abc", maxBytes: 2) }
    }
}
