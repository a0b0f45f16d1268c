import FPFormats

/// When a file was last changed, in the whole seconds that HTTP compares (RFC 9110, sections 5.6.7 and 8.8.2).
public struct ModificationDate: Sendable, Equatable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z.
    public var seconds: Int64

    /// The second that many seconds after 1970-01-01T00:00:00Z.
    public init(seconds: Int64) {
        self.seconds = seconds
    }

    /// The second in which lies the moment that many milliseconds after 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) {
        seconds = milliseconds / 1000 - (milliseconds % 1000 < 0 ? 1 : 0)
    }

    /// Reads all three forms that a recipient must know: IMF-fixdate, that of RFC 850, and asctime's.
    /// - Parameter now: Decides the century of RFC 850's two digits: never more than 50 years ahead.
    public init?(_ text: String, now: ModificationDate) {
        let words = text.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }.map(Substring.init)
        let parsed: ModificationDate? =
            switch words.count {
            case 6: Self.imfFixdate(words)
            case 5: Self.asctime(words)
            case 4: Self.rfc850(words, now: now)
            default: nil
            }
        guard let parsed else { return nil }
        self = parsed
    }

    /// Whether one is earlier than the other.
    public static func < (one: ModificationDate, other: ModificationDate) -> Bool { one.seconds < other.seconds }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func imfFixdate(_ words: [Substring]) -> ModificationDate? {
        guard words[5] == "GMT" else { return nil }
        return date(day: words[1], month: words[2], year: number(words[3], digits: 4), time: words[4])
    }

    private static func rfc850(_ words: [Substring], now: ModificationDate) -> ModificationDate? {
        let parts = words[1].parts(at: "-")
        guard parts.count == 3, words[3] == "GMT", let twoDigits = number(parts[2], digits: 2) else { return nil }
        let thisYear = CivilTime(secondsSince1970: now.seconds).year
        var year = thisYear / 100 * 100 + twoDigits
        if year > thisYear + 50 { year -= 100 }
        return date(day: parts[0], month: parts[1], year: year, time: words[2])
    }

    private static func asctime(_ words: [Substring]) -> ModificationDate? {
        let day = words[2].utf8.count == 1 ? "0" + words[2] : words[2]
        return date(day: day, month: words[1], year: number(words[4], digits: 4), time: words[3])
    }

    private static func date(day: Substring, month: Substring, year: Int?, time: Substring) -> ModificationDate? {
        let clock = time.parts(at: ":")
        guard clock.count == 3, let year, let month = months.firstIndex(of: String(month)) else { return nil }
        guard let day = number(day, digits: 2), let hour = number(clock[0], digits: 2) else { return nil }
        guard let minute = number(clock[1], digits: 2), let second = number(clock[2], digits: 2) else { return nil }
        let civil = CivilTime(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)
        return civil.map { ModificationDate(seconds: $0.secondsSince1970) }
    }

    private static func number(_ text: Substring, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }
}
