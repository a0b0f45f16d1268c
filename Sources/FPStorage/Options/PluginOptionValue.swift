/// Why a value does not fit its option.
public struct OptionComplaint: Error, Sendable, Equatable {
    /// The end of a sentence that begins with the option: "must be ...".
    public var message: String
}

extension PluginOption {
    /// A text with the numbers that the option's type gives it.
    public typealias Value = (text: String, i64: Int64, f64: Double)

    /// Reads a text as a value of this option: its type, bounds and choices.
    public func value(of text: String) -> Result<Value, OptionComplaint> {
        switch type {
        case .string, .path, .unknown, .stringList, .stringMap:
            .success((text, 0, 0))
        case .url:
            text.contains("://") ? .success((text, 0, 0)) : refuse("must be a URL with its scheme, as https://host/")
        case .bool:
            switch text {
            case "true": .success((text, 1, 1))
            case "false": .success((text, 0, 0))
            default: refuse("must be true or false, not \"\(text)\"")
            }
        case .choice:
            choices.contains(text)
                ? .success((text, 0, 0)) : refuse("must be one of \(choices.joined(separator: ", ")), not \"\(text)\"")
        case .int:
            bounded(text, Int64(text), orElse: "must be a whole number, not \"\(text)\"")
        case .size:
            bounded(text, Self.scaled(text, by: Self.sizeUnits), orElse: "must be a size as 8MiB, not \"\(text)\"")
        case .duration:
            bounded(
                text, Self.scaled(text, by: Self.durationUnits), orElse: "must be a duration as 30s, not \"\(text)\"")
        case .float:
            if let number = Double(text), number.isFinite {
                .success((text, 0, number))
            } else {
                refuse("must be a number, not \"\(text)\"")
            }
        }
    }

    private func bounded(_ text: String, _ number: Int64?, orElse complaint: String) -> Result<Value, OptionComplaint> {
        guard let number else { return refuse(complaint) }
        if let min, number < min { return refuse("must be at least \(shown(min)), not \(text)") }
        if let max, number > max { return refuse("must be at most \(shown(max)), not \(text)") }
        return .success((text, number, Double(number)))
    }

    private func refuse(_ message: String) -> Result<Value, OptionComplaint> {
        .failure(OptionComplaint(message: isSecret ? "does not have the form that the plugin takes" : message))
    }

    /// A bound in the unit in which the operator would write it.
    private func shown(_ bound: Int64) -> String {
        let units =
            switch type {
            case .size: Self.sizeUnits
            case .duration: Self.durationUnits
            default: [("", Int64(1))]
            }
        let best = units.filter { bound != 0 && bound % $0.1 == 0 }.max { $0.1 < $1.1 }
        guard let (unit, factor) = best else { return String(bound) }
        return "\(bound / factor)\(unit)"
    }

    private static let sizeUnits: [(String, Int64)] = [
        ("", 1), ("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("PiB", 1 << 50),
        ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
    ]
    private static let durationUnits: [(String, Int64)] = [
        ("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// `12MiB` in the smallest unit; `nil` if it is no number, has no such unit, is negative or overflows.
    private static func scaled(_ text: String, by units: [(String, Int64)]) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }
        guard let number = Int64(digits) else { return nil }
        if number == 0, unit.isEmpty { return 0 }
        guard let factor = units.first(where: { $0.0 == unit })?.1 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }
}
