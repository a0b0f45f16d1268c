import FPFormats
import Glibc
import Synchronization

/// The current time for the field `Date` (RFC 9110, section 6.6.1).
enum CurrentDate {
    private static let latest = Mutex<(second: Int, text: String)>((0, HTTPDate.text(secondsSince1970: 0)))

    /// The time as HTTP writes it, made once a second.
    static func text() -> String {
        let second = time(nil)
        return latest.withLock { latest in
            if latest.second != second {
                latest = (second, HTTPDate.text(secondsSince1970: Int64(second)))
            }
            return latest.text
        }
    }
}
