import FPFormats
import Support
import Testing

@Suite struct `Sizes and durations` {
    private static let sizes = "must be a size such as 20GiB, 5MB or 1048576 (bytes)"
    private static let durations = "must be a duration such as 500ms, 60s, 5m, 24h or 7d"

    @Test(arguments: [
        ("0", 0), ("1", 1), ("1048576", 1_048_576), ("1B", 1), ("2kB", 2000), ("5KB", 5000), ("10KiB", 10_240),
        ("5MB", 5_000_000), ("5MiB", 5 << 20), ("20GB", 20_000_000_000), ("20GiB", 20 << 30),
        ("3TB", 3_000_000_000_000), ("3TiB", 3 << 40), ("2PB", 2_000_000_000_000_000), ("2PiB", 2 << 50),
        ("9223372036854775807", Int64.max),
    ])
    func `a size is a whole number with a decimal or binary unit, or bytes`(text: String, bytes: Int64) throws {
        #expect(try Quantity.size.value(text).get() == bytes)
    }

    @Test(arguments: [
        ("0s", 0), ("250ms", 250), ("30s", 30_000), ("60s", 60_000), ("5m", 300_000), ("24h", 86_400_000),
        ("7d", 604_800_000),
    ])
    func `a duration is a whole number with a unit`(text: String, milliseconds: Int64) throws {
        #expect(try Quantity.duration.value(text).get() == milliseconds)
    }

    @Test(arguments: [
        ("", ""), ("MiB", ""), ("-1", ""), ("+1", ""), ("1.5GiB", ""), ("1 XB", ""), ("1MiBs", ""), ("１２", ""),
        ("5\u{212A}iB", ""), ("5MB\0", ""), ("20G", #"; did you mean "20GB" or "20GiB"?"#),
        ("5mb", #"; did you mean "5MB"?"#), ("10 KiB", #"; did you mean "10KiB"?"#),
        ("1_000", #"; did you mean "#), ("5 bytes", #"; did you mean "5B"?"#),
    ])
    func `what is no size is refused with what may be meant`(text: String, suggestion: String) throws {
        let complaint = try #require(throws: Complaint.self) { try Quantity.size.value(text).get() }
        guard text != "1_000" else { return #expect(complaint.text.hasPrefix(Self.sizes)) }
        #expect(complaint.text == "\(Self.sizes), not \(quoted(text))\(suggestion)")
    }

    @Test(arguments: ["99999999999999999999", "9999999PiB", "99999999999TiB"])
    func `a size beyond 64 bits is told from one that is none`(text: String) {
        #expect(throws: Complaint("\(Self.sizes); \"\(text)\" is too large to count with")) {
            try Quantity.size.value(text).get()
        }
    }

    @Test(arguments: [
        ("", ""), ("s", ""), ("-1s", ""), ("1 fortnight", ""), ("1.5h", ""), ("١d", ""),
        ("0", #"; did you mean "0s"?"#), ("60", #"; did you mean "60s"?"#), ("2 days", #"; did you mean "2d"?"#),
        ("5 min", #"; did you mean "5m"?"#), ("5min", #"; did you mean "5m"?"#),
    ])
    func `what is no duration is refused with what may be meant`(text: String, suggestion: String) {
        #expect(throws: Complaint("\(Self.durations), not \(quoted(text))\(suggestion)")) {
            try Quantity.duration.value(text).get()
        }
    }

    @Test(arguments: [Quantity.size, .duration]) func `what is written is read as the same value`(
        quantity: Quantity
    ) throws {
        var random = SeededGenerator(seed: 9)
        let factors: [Int64] = [1, 1000, 1 << 10, 60_000, 1 << 20, 3_600_000, 86_400_000, 1 << 30, 1 << 50]
        for _ in 0..<2000 {
            let value = Int64.random(in: 0...4096, using: &random) * (factors.randomElement(using: &random) ?? 1)
            #expect(try quantity.value(quantity.text(value)).get() == value, "\(value)")
        }
    }

    @Test(arguments: [Quantity.size, .duration]) func `the pattern for JSON Schema takes what is read, and no more`(
        quantity: Quantity
    ) throws {
        let pattern = try Regex(quantity.pattern)
        for text in ["1", "1B", "1kB", "3KiB", "20G", "1.5GiB", "5 MB", "5ms", "60s", "5m", "5min", "7d", "d", ""] {
            let isRead = (try? quantity.value(text).get()) != nil
            #expect((text.wholeMatch(of: pattern) != nil) == isRead, "\(text)")
        }
    }
}

@Suite struct `Numbers and truth values` {
    @Test(arguments: [
        ("0", 0), ("-0", 0), ("16", 16), ("-5", -5), ("0x10", 16), ("-0x10", -16), ("0o20", 16),
        ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ])
    func `a whole number is decimal, hexadecimal or octal`(text: String, number: Int64) throws {
        #expect(try NumberSyntax.integer(text).get() == number)
    }

    @Test(arguments: [
        ("", "must be a whole number, not \"\""), ("x", "must be a whole number, not \"x\""),
        ("--1", "must be a whole number, not \"--1\""), ("+1", "must be a whole number, not \"+1\""),
        ("１", "must be a whole number, not \"１\""),
        ("1e3", "must be a whole number of at most 64 bits, not \"1e3\""),
        ("1.0", "must be a whole number of at most 64 bits, not \"1.0\""),
        ("0x-1", "must be a whole number of at most 64 bits, not \"0x-1\""),
        ("99999999999999999999", "must be a whole number of at most 64 bits, not \"99999999999999999999\""),
        ("0032", "must be a whole number without leading zeros, not \"0032\"; write \"0o32\" for octal or \"32\""),
    ])
    func `what is no whole number is refused with what would be right`(text: String, complaint: String) {
        #expect(throws: Complaint(complaint)) { try NumberSyntax.integer(text).get() }
    }

    @Test(arguments: [("0.25", 0.25), ("-1.5e2", -150), ("3", 3), ("+1", 1)])
    func `a number may have a fraction and an exponent`(text: String, number: Double) throws {
        #expect(try NumberSyntax.decimal(text).get() == number)
    }

    @Test(arguments: ["", "nan", "inf", "1e999", "0x1p3", "1,5", "x"])
    func `what is no finite number is refused`(text: String) {
        #expect(throws: Complaint("must be a number such as 0.5, not \(quoted(text))")) {
            try NumberSyntax.decimal(text).get()
        }
    }

    @Test func `only true and false are truth values`() throws {
        #expect(try NumberSyntax.truth("true").get())
        #expect(try !NumberSyntax.truth("false").get())
        for (text, meant) in [("yes", "true"), ("True", "true"), ("1", "true"), ("off", "false"), ("NO", "false")] {
            #expect(throws: Complaint("must be true or false, not \"\(text)\"; did you mean \"\(meant)\"?")) {
                try NumberSyntax.truth(text).get()
            }
        }
        #expect(throws: Complaint("must be true or false, not \"maybe\"")) { try NumberSyntax.truth("maybe").get() }
    }
}
