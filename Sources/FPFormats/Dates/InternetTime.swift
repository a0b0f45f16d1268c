/// Times as RFC 3339 has them, to the millisecond.
public enum InternetTime {
    /// The one form that is written here: UTC with milliseconds and a `Z`, `1994-11-06T08:49:37.009Z`.
    public static func text(millisecondsSince1970 milliseconds: Int64) -> String {
        let seconds = milliseconds.flooredSeconds
        let civil = CivilTime(secondsSince1970: seconds)
        let date = "\(padded(civil.year, 4))-\(padded(civil.month, 2))-\(padded(civil.day, 2))"
        return "\(date)T\(civil.clock).\(padded(Int(milliseconds - seconds * 1000), 3))Z"
    }

    /// Reads any `date-time` of RFC 3339, section 5.6, with any offset. Digits beyond the milliseconds are dropped.
    /// - Returns: Milliseconds since 1970-01-01T00:00:00Z.
    public static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
        guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t") || bytes[10] == 0x20 else { return nil }
        guard bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":") else { return nil }
        guard let year = number(bytes[0..<4]), let month = number(bytes[5..<7]), let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            let civil = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        var rest = bytes[19...]
        var milliseconds = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: \.isASCIIDigit)
            guard !digits.isEmpty else { return nil }
            let three = (Array(digits.prefix(3)) + [0x30, 0x30]).prefix(3)
            milliseconds = number(three) ?? 0
            rest = bytes[digits.endIndex...]
        }
        guard let offset = self.offset(rest) else { return nil }
        return (civil.secondsSince1970 - offset) * 1000 + Int64(milliseconds)
    }

    /// Seconds east of UTC.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        if bytes.count == 1, let first = bytes.first, first == UInt8(ascii: "Z") || first == UInt8(ascii: "z") {
            return 0
        }
        let bytes = Array(bytes)
        guard bytes.count == 6, bytes[3] == UInt8(ascii: ":") else { return nil }
        guard let hours = number(bytes[1..<3]), let minutes = number(bytes[4..<6]) else { return nil }
        guard hours < 24, minutes < 60 else { return nil }
        let seconds = Int64(hours * 3600 + minutes * 60)
        switch bytes[0] {
        case UInt8(ascii: "+"): return seconds
        case UInt8(ascii: "-"): return -seconds
        default: return nil
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy(\.isASCIIDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}

extension Int64 {
    /// The whole seconds in which that many milliseconds lie, downwards also before 1970.
    public var flooredSeconds: Int64 { self / 1000 - (self % 1000 < 0 ? 1 : 0) }
}
