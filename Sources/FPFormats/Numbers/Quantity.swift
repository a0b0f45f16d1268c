/// A whole number with a unit, as in `20GiB` and `500ms`: how sizes and durations are written in the settings file and
/// in a plugin's table of options.
public struct Quantity: Sendable {
    struct Unit: Sendable {
        var name: String
        var factor: Int64
        /// What people write instead.
        var misspellings: [String] = []
    }

    /// What the text is, for a sentence: `a size such as 20GiB, 5MB or 1048576 (bytes)`.
    public let what: String
    /// Ascending.
    let units: [Unit]
    /// What a number without unit counts, if it may stand alone.
    var bareFactor: Int64?

    /// What a text counts, in bytes or milliseconds.
    public func value(_ text: String) -> Result<Int64, Complaint> {
        let digits = text.utf8.prefix(while: \.isASCIIDigit)
        let unit = Substring(text.utf8.dropFirst(digits.count))
        guard !digits.isEmpty,
            let factor = unit.isEmpty ? bareFactor : units.first(where: { unit.isSame(as: $0.name) })?.factor
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
    public func text(_ value: Int64) -> String {
        let unit = units.last { value != 0 && value.isMultiple(of: $0.factor) }
        guard let unit else { return bareFactor == nil ? "\(value)\(units[0].name)" : "\(value)" }
        return "\(value / unit.factor)\(unit.name)"
    }

    /// The texts that are taken, but for their largest numbers, as a regular expression of JSON Schema.
    public var pattern: String {
        "^[0-9]+(" + units.map(\.name).joined(separator: "|") + ")" + (bareFactor == nil ? "" : "?") + "$"
    }

    private func suggestion(_ text: String) -> String {
        let compact = Array(text.utf8.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "_") })
        let digits = String(decoding: compact.prefix(while: \.isASCIIDigit), as: UTF8.self)
        guard !digits.isEmpty, digits.utf8.count < 19 else { return "" }
        let word = String(decoding: compact.dropFirst(digits.utf8.count), as: UTF8.self).asciiLowercased()
        let meant = units.filter { unit in
            word.isSame(as: unit.name.asciiLowercased()) || unit.misspellings.contains { word.isSame(as: $0) }
        }
        guard !meant.isEmpty else { return "" }
        return "; did you mean \(alternatives(meant.map { "\"\(digits)\($0.name)\"" }))?"
    }
}

extension Quantity {
    /// Sizes in bytes.
    public static let size = Quantity(
        what: "a size such as 20GiB, 5MB or 1048576 (bytes)",
        units: [
            Unit(name: "B", factor: 1, misspellings: ["byte", "bytes"]),
            Unit(name: "kB", factor: 1000),
            Unit(name: "KB", factor: 1000, misspellings: ["k"]),
            Unit(name: "KiB", factor: 1 << 10, misspellings: ["k"]),
            Unit(name: "MB", factor: 1_000_000, misspellings: ["m"]),
            Unit(name: "MiB", factor: 1 << 20, misspellings: ["m"]),
            Unit(name: "GB", factor: 1_000_000_000, misspellings: ["g"]),
            Unit(name: "GiB", factor: 1 << 30, misspellings: ["g"]),
            Unit(name: "TB", factor: 1_000_000_000_000, misspellings: ["t"]),
            Unit(name: "TiB", factor: 1 << 40, misspellings: ["t"]),
            Unit(name: "PB", factor: 1_000_000_000_000_000, misspellings: ["p"]),
            Unit(name: "PiB", factor: 1 << 50, misspellings: ["p"]),
        ],
        bareFactor: 1
    )

    /// Lengths of time in milliseconds.
    public static let duration = Quantity(
        what: "a duration such as 500ms, 60s, 5m, 24h or 7d",
        units: [
            Unit(name: "ms", factor: 1, misspellings: ["msec", "millis", "milliseconds"]),
            // A number alone is nearly always meant in seconds.
            Unit(name: "s", factor: 1000, misspellings: ["", "sec", "secs", "second", "seconds"]),
            Unit(name: "m", factor: 60_000, misspellings: ["min", "mins", "minute", "minutes"]),
            Unit(name: "h", factor: 3_600_000, misspellings: ["hr", "hrs", "hour", "hours"]),
            Unit(name: "d", factor: 86_400_000, misspellings: ["day", "days"]),
        ]
    )
}
