import FPFormats
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
        let civil = CivilTime(secondsSince1970: seconds)
        func two(_ number: Int) -> String { padded(number, 2) }
        return padded(civil.year, 4) + two(civil.month) + two(civil.day) + "T" + two(civil.hour) + two(civil.minute)
            + two(civil.second) + "Z"
    }

    init(seconds: Int64) { self.seconds = seconds }

    /// From a time of RFC 3339, such as "2009-10-12T17:50:30.000Z". One without an offset, or with one that has another
    /// form, is taken to be in UTC, as everything is that services write so.
    init?(iso8601 text: String) {
        let bare = text.parts(at: "+")[0]
        let plain = (bare.without(suffix: "Z") ?? bare) + "Z"
        guard let milliseconds = InternetTime.parse(text) ?? InternetTime.parse(String(plain)), milliseconds >= 0 else {
            return nil
        }
        self.init(seconds: milliseconds.flooredSeconds)
    }

    /// From an HTTP date (RFC 9110, section 5.6.7): "Wed, 21 Oct 2015 07:28:00 GMT".
    init?(http text: String) {
        guard let seconds = HTTPDate.parse(text, now: Timestamp.now.seconds), seconds >= 0 else { return nil }
        self.init(seconds: seconds)
    }

    var nanoseconds: Int64 { seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue }
}
