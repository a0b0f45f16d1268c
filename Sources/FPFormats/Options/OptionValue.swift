/// What a key's text stands for.
public struct OptionValue: Sendable, Equatable {
    /// The text.
    public var text: String
    /// The value as a number: 0 or 1 of a Boolean, a whole number, a size in bytes, a duration in milliseconds; else 0.
    public var i64: Int64 = 0
    /// The value of a number that need not be whole; else 0.
    public var f64: Double = 0

    /// A value as given.
    public init(text: String, i64: Int64 = 0, f64: Double = 0) {
        self.text = text
        self.i64 = i64
        self.f64 = f64
    }
}

extension OptionSchema {
    /// Reads a single text as a value of this key: its type, bounds and choices. The values of lists and maps are texts,
    /// any of which is taken.
    ///
    /// Whatever reads a key's value reads it here: the settings file, a command's arguments, and the check of a plugin's
    /// own table, whose defaults are values too.
    /// - Returns: The value, or the end of a sentence that begins with the key's name.
    public func value(of text: String) -> Result<OptionValue, Complaint> {
        let plain = OptionValue(text: text)
        switch type {
        case .string, .stringList, .stringMap, .unknown:
            return .success(plain)
        case .bool:
            return NumberSyntax.truth(text).map { OptionValue(text: text, i64: $0 ? 1 : 0) }
        case .int:
            return bounded(text, NumberSyntax.integer(text)) { "\($0)" }
        case .size:
            return bounded(text, Quantity.size.value(text), Quantity.size.text)
        case .duration:
            return bounded(text, Quantity.duration.value(text), Quantity.duration.text)
        case .float:
            return NumberSyntax.decimal(text).map { OptionValue(text: text, f64: $0) }
        case .choice:
            guard !choices.contains(where: { text.isSame(as: $0) }) else { return .success(plain) }
            let meant = NearestName.match(text, among: choices)
            let suggestion = meant.map { "; did you mean \(quoted($0))?" } ?? ""
            return .failure(Complaint("must be \(expectation), not \(quoted(text))\(suggestion)"))
        case .path:
            return PathSyntax.complaint(about: text).map { .failure($0) } ?? .success(plain)
        case .url:
            return URLSyntax.isAbsolute(text)
                ? .success(plain) : .failure(Complaint("must be \(expectation), not \(quoted(text))"))
        }
    }

    /// The values of a `.choice` as a plugin's table has them: `a|b`.
    public static func choices(in text: String) -> [String] {
        text.parts(at: "|").filter { !$0.isEmpty }.map(String.init)
    }

    /// The items of a list's default: `a, b`.
    public static func items(of text: String) -> [String] {
        text.parts(at: ",").filter { !$0.isEmpty }.map { String(Substring($0.utf8.drop { $0 == UInt8(ascii: " ") })) }
    }

    /// The members of a map's default: `a=1, b=2`.
    public static func members(of text: String) -> [(name: String, value: String)] {
        items(of: text).map { item in
            let (name, value) = item.cut(at: "=") ?? (item[...], "")
            return (String(name), String(value))
        }
    }

    private func bounded(
        _ text: String, _ number: Result<Int64, Complaint>, _ spell: (Int64) -> String
    ) -> Result<OptionValue, Complaint> {
        number.flatMap { number in
            if let (min, max) = bounds, number < min || number > max {
                return .failure(Complaint("must be from \(spell(min)) to \(spell(max)), not \(spell(number))"))
            }
            return .success(OptionValue(text: text, i64: number))
        }
    }
}

/// Paths as the settings write them: absolute, relative to the file's directory, or below the home directory as `~/`.
public enum PathSyntax {
    /// What is wrong with a path, whatever the file system holds; nil if nothing is.
    public static func complaint(about path: String) -> Complaint? {
        if path.isEmpty { return Complaint("is empty; give a path, or leave the key out") }
        if path.utf8.contains(0) { return Complaint("has a zero byte, which no path has") }
        guard path.begins(with: "~"), !path.isSame(as: "~"), !path.begins(with: "~/") else { return nil }
        return Complaint("begins with ~; only ~/ is expanded, so write the path out, or ./~ for a name")
    }
}
