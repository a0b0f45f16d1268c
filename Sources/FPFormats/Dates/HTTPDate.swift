/// Times as HTTP writes them, in whole seconds of UTC (RFC 9110, section 5.6.7).
public enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// IMF-fixdate: `Sun, 06 Nov 1994 08:49:37 GMT`.
    public static func text(secondsSince1970 seconds: Int64) -> String {
        let civil = CivilTime(secondsSince1970: seconds)
        let date = "\(padded(civil.day, 2)) \(months[civil.month - 1]) \(padded(civil.year, 4))"
        return "\(days[civil.weekday]), \(date) \(civil.clock) GMT"
    }

    /// Reads all three forms that a recipient must know: IMF-fixdate, that of RFC 850, and asctime's.
    /// - Parameter now: Seconds since 1970 that decide the century of RFC 850's two digits: never more than 50 years
    ///   ahead.
    /// - Returns: Seconds since 1970-01-01T00:00:00Z.
    public static func parse(_ text: String, now: Int64) -> Int64? {
        let words = text.utf8.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }.map(Substring.init)
        return switch words.count {
        case 6: imfFixdate(words)
        case 5: asctime(words)
        case 4: rfc850(words, now: now)
        default: nil
        }
    }

    private static func imfFixdate(_ words: [Substring]) -> Int64? {
        guard words[5].isSame(as: "GMT") else { return nil }
        return seconds(day: words[1], month: words[2], year: number(words[3], digits: 4), time: words[4])
    }

    private static func rfc850(_ words: [Substring], now: Int64) -> Int64? {
        let parts = words[1].parts(at: "-")
        guard parts.count == 3, words[3].isSame(as: "GMT"), let twoDigits = number(parts[2], digits: 2) else {
            return nil
        }
        let thisYear = CivilTime(secondsSince1970: now).year
        var year = thisYear / 100 * 100 + twoDigits
        if year > thisYear + 50 { year -= 100 }
        return seconds(day: parts[0], month: parts[1], year: year, time: words[2])
    }

    private static func asctime(_ words: [Substring]) -> Int64? {
        let day = words[2].utf8.count == 1 ? "0" + words[2] : words[2]
        return seconds(day: day, month: words[1], year: number(words[4], digits: 4), time: words[3])
    }

    private static func seconds(day: Substring, month: Substring, year: Int?, time: Substring) -> Int64? {
        let clock = time.parts(at: ":")
        guard clock.count == 3, let year, let month = months.firstIndex(where: { month.isSame(as: $0) }),
            let day = number(day, digits: 2), let hour = number(clock[0], digits: 2),
            let minute = number(clock[1], digits: 2), let second = number(clock[2], digits: 2)
        else { return nil }
        return CivilTime(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second)?
            .secondsSince1970
    }

    private static func number(_ text: Substring, digits: Int) -> Int? {
        guard text.utf8.count == digits, text.utf8.allSatisfy(\.isASCIIDigit) else { return nil }
        return Int(text)
    }
}
