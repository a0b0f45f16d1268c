import Glibc

/// A moment in whole seconds of Unix time, as requests and replies of S3 write it.
struct Timestamp: Equatable, Comparable {
    let seconds: Int64

    static var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }

    /// Since 1970, finer than any request or reply writes it.
    static var microsecondsNow: UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(clamping: now.tv_sec) * 1_000_000 + UInt64(clamping: now.tv_nsec / 1000)
    }

    static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    /// "20130524T000000Z", of which the first eight characters are the date.
    var basic: String {
        let (year, month, day) = date
        let rest = seconds - Self.days(year, month, day) * 86400
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let years = String(year)
        return String(repeating: "0", count: max(0, 4 - years.count)) + years + two(month) + two(day) + "T"
            + two(rest / 3600) + two(rest / 60 % 60) + two(rest % 60) + "Z"
    }

    init(seconds: Int64) { self.seconds = seconds }

    /// From "20130524T000000Z", "2009-10-12T17:50:30.000Z" or "2024-01-31T10:00:00+00:00", all of them in UTC.
    init?(iso8601 text: String) {
        let digits = text.utf8.prefix { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "+") }
            .filter { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard digits.count == 14 else { return nil }
        func number(_ range: Range<Int>) -> Int64 { digits[range].reduce(0) { $0 * 10 + Int64($1 & 15) } }
        self.init(
            year: number(0..<4), month: number(4..<6), day: number(6..<8), number(8..<10), number(10..<12),
            number(12..<14))
    }

    /// From an HTTP date (RFC 9110, section 5.6.7): "Wed, 21 Oct 2015 07:28:00 GMT".
    init?(http text: String) {
        let words = text.split { $0 == " " || $0 == "," || $0 == ":" }
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 8, let month = months.firstIndex(of: String(words[2])) else { return nil }
        let numbers = [words[3], words[1], words[4], words[5], words[6]].compactMap { Int64($0) }
        guard numbers.count == 5 else { return nil }
        self.init(
            year: numbers[0], month: Int64(month) + 1, day: numbers[1], numbers[2], numbers[3], numbers[4])
    }

    private init?(year: Int64, month: Int64, day: Int64, _ hour: Int64, _ minute: Int64, _ second: Int64) {
        guard (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        seconds = Self.days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    }

    var nanoseconds: Int64 { seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue }

    /// Days since 1970 of a date in the Gregorian calendar. The year is taken to begin in March, so that the leap day
    /// is its last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private var date: (year: Int64, month: Int64, day: Int64) {
        let days = seconds / 86400 + 719_468
        let era = days / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
