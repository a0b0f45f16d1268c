import Glibc
import Synchronization

/// The time as HTTP writes it (IMF-fixdate, RFC 9110, section 5.6.7).
public enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let latest = Mutex<(second: Int, text: String)>((0, string(secondsSince1970: 0)))

    /// The date of a second, as in `Last-Modified`.
    public static func string(secondsSince1970 seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let day = two(parts.tm_mday)
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return "\(days[Int(parts.tm_wday)]), \(day) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) \(clock) GMT"
    }

    /// The current date, made once a second.
    static func now() -> String {
        let second = time(nil)
        return latest.withLock { latest in
            if latest.second != second {
                latest = (second, string(secondsSince1970: second))
            }
            return latest.text
        }
    }

    private static func two(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
