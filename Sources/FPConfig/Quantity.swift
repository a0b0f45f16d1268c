import FPFormats

/// A whole number with a unit, as in `20GiB` and `500ms`.
struct Quantity {
    struct Unit {
        var name: String
        var factor: Int64
        /// What people write instead.
        var misspellings: [String] = []
    }

    /// What the text is, for a sentence: `a size such as 20GiB, 5MB or 1048576 (bytes)`.
    var what: String
    /// Ascending.
    var units: [Unit]
    /// What a number without unit counts, if it may stand alone.
    var bareFactor: Int64?

    func value(_ text: String) -> Result<Int64, Complaint> {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let unit = String(Substring(text.utf8.dropFirst(digits.count)))
        guard !digits.isEmpty, let factor = unit.isEmpty ? bareFactor : units.first(where: { $0.name == unit })?.factor
        else {
            return .failure(Complaint("must be \(what), not \(quoted(text))\(suggestion(text))"))
        }
        guard let count = Int64(Substring(digits)),
            case let (value, overflow) = count.multipliedReportingOverflow(by: factor),
            !overflow
        else {
            return .failure(Complaint("must be \(what); \(quoted(text)) is too large to count with"))
        }
        return .success(value)
    }

    /// The value in the largest unit that divides it.
    func text(_ value: Int64) -> String {
        let unit = units.last { value != 0 && value.isMultiple(of: $0.factor) }
        guard let unit else { return bareFactor == nil ? "\(value)\(units[0].name)" : "\(value)" }
        return "\(value / unit.factor)\(unit.name)"
    }

    private func suggestion(_ text: String) -> String {
        let compact = String(text.filter { $0 != " " && $0 != "_" })
        let digits = Substring(compact.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        guard !digits.isEmpty, digits.count < 19 else { return "" }
        let word = Substring(compact.utf8.dropFirst(digits.utf8.count)).asciiLowercased()
        let meant = units.filter { unit in
            unit.name.asciiLowercased() == word || unit.misspellings.contains(word)
        }
        guard !meant.isEmpty else { return "" }
        return "; did you mean \(alternatives(meant.map { "\"\(digits)\($0.name)\"" }))?"
    }
}

/// Sizes in bytes.
enum ByteCount {
    static let syntax = Quantity(
        what: "a size such as 20GiB, 5MB or 1048576 (bytes)",
        units: [
            .init(name: "B", factor: 1, misspellings: ["byte", "bytes"]),
            .init(name: "kB", factor: 1000),
            .init(name: "KB", factor: 1000, misspellings: ["k"]),
            .init(name: "KiB", factor: 1 << 10, misspellings: ["k"]),
            .init(name: "MB", factor: 1_000_000, misspellings: ["m"]),
            .init(name: "MiB", factor: 1 << 20, misspellings: ["m"]),
            .init(name: "GB", factor: 1_000_000_000, misspellings: ["g"]),
            .init(name: "GiB", factor: 1 << 30, misspellings: ["g"]),
            .init(name: "TB", factor: 1_000_000_000_000, misspellings: ["t"]),
            .init(name: "TiB", factor: 1 << 40, misspellings: ["t"]),
            .init(name: "PB", factor: 1_000_000_000_000_000, misspellings: ["p"]),
            .init(name: "PiB", factor: 1 << 50, misspellings: ["p"]),
        ],
        bareFactor: 1
    )

    static func text(_ bytes: Int64) -> String { syntax.text(bytes) }
}

/// Lengths of time in milliseconds.
enum TimeSpan {
    static let syntax = Quantity(
        what: "a duration such as 500ms, 60s, 5m, 24h or 7d",
        units: [
            .init(name: "ms", factor: 1, misspellings: ["msec", "millis", "milliseconds"]),
            // A number alone is nearly always meant in seconds.
            .init(name: "s", factor: 1000, misspellings: ["", "sec", "secs", "second", "seconds"]),
            .init(name: "m", factor: 60_000, misspellings: ["min", "mins", "minute", "minutes"]),
            .init(name: "h", factor: 3_600_000, misspellings: ["hr", "hrs", "hour", "hours"]),
            .init(name: "d", factor: 86_400_000, misspellings: ["day", "days"]),
        ]
    )

    static func text(_ milliseconds: Int64) -> String { syntax.text(milliseconds) }
}
