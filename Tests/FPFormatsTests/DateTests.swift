import FPFormats
import Testing

@Suite struct `Dates of HTTP` {
    private let now: Int64 = 1_740_000_000  // 2025-02-19

    @Test(arguments: [
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ])
    func `are written in one form`(seconds: Int64, text: String) {
        #expect(HTTPDate.text(secondsSince1970: seconds) == text)
        #expect(HTTPDate.parse(text, now: now) == seconds)
    }

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun Nov 06 08:49:37 1994",
    ])
    func `are read in all three forms of RFC 9110`(text: String) {
        #expect(HTTPDate.parse(text, now: now) == 784_111_777)
    }

    @Test func `have two digits of a year never more than 50 years ahead`() {
        #expect(HTTPDate.parse("Friday, 01-Jan-75 00:00:00 GMT", now: now) == 3_313_526_400)
        #expect(HTTPDate.parse("Friday, 01-Jan-76 00:00:00 GMT", now: now) == 189_302_400)
    }

    @Test(arguments: [
        "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 29 Feb 1995 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nof 1994 08:49:37 GMT", "Sun, +6 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z",
    ])
    func `are nothing else`(text: String) {
        #expect(HTTPDate.parse(text, now: now) == nil)
    }
}

@Suite struct `Times of RFC 3339` {
    @Test func `are written in UTC with milliseconds`() {
        #expect(InternetTime.text(millisecondsSince1970: 784_111_777_009) == "1994-11-06T08:49:37.009Z")
        #expect(InternetTime.text(millisecondsSince1970: -1) == "1969-12-31T23:59:59.999Z")
    }

    @Test(arguments: [
        ("1994-11-06T08:49:37.009Z", 784_111_777_009), ("1994-11-06t09:49:37.009+01:00", 784_111_777_009),
        ("1994-11-06 03:49:37.0099-05:00", 784_111_777_009), ("1994-11-06T08:49:37Z", 784_111_777_000),
        ("1994-11-06T08:49:37.5Z", 784_111_777_500), ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ])
    func `are read with any offset and fraction`(text: String, milliseconds: Int64) {
        #expect(InternetTime.parse(text) == milliseconds)
    }

    @Test(arguments: [
        "", "1994-11-06", "1994-11-06T08:49:37", "1994-11-06T08:49Z", "1994-13-06T08:49:37Z", "1994-11-06T08:49:37.Z",
        "1994-11-06T08:49:37+0100", "1994-11-06T08:49:37+25:00", "1994-11-06T08:49:37Zx", "-994-11-06T08:49:37Z",
        "1995-02-29T00:00:00Z", "1994-11-06T08:49:61Z",
    ])
    func `are nothing else`(text: String) {
        #expect(InternetTime.parse(text) == nil)
    }
}

@Suite struct `The calendar` {
    @Test func `agrees with itself, and with both ways of writing a time, over four thousand years`() {
        for day in stride(from: Int64(-719_528), to: 800_000, by: 1) {
            let seconds = day * 86400 + 43_199
            let civil = CivilTime(secondsSince1970: seconds)
            guard civil.secondsSince1970 == seconds, civil.weekday == Int((day % 7 + 11) % 7) else {
                Issue.record("\(day): \(civil)")
                return
            }
            guard day % 97 == 0 else { continue }
            #expect(InternetTime.parse(InternetTime.text(millisecondsSince1970: seconds * 1000)) == seconds * 1000)
            #expect(HTTPDate.parse(HTTPDate.text(secondsSince1970: seconds), now: 0) == seconds)
        }
    }

    @Test(arguments: [(1900, false), (2000, true), (2023, false), (2024, true)])
    func `has a leap day in leap years only`(year: Int, isLeap: Bool) {
        #expect((CivilTime(year: year, month: 2, day: 29, hour: 0, minute: 0, second: 0) != nil) == isLeap)
    }
}
