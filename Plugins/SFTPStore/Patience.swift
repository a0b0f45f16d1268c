import FPPluginKit

/// Goes on after a connection broke, with pauses that grow, until a call has been at it for as long as connecting may
/// take. Only for what the host cannot repeat: it does not have the bytes any more.
struct Patience {
    private let limit: Int64
    private var end: Int64?
    private var pause: Int64 = 50_000_000

    private static let longestPause: Int64 = 2_000_000_000

    init(_ settings: Settings) { limit = settings.timing.connect.nanoseconds }

    /// Waits a little before the next attempt.
    /// - Throws: `error`, if there is to be none; `.timeout` and `.cancelled`, as the call says.
    mutating func wait(after error: PluginError, _ call: borrowing Call) throws(PluginError) {
        let now = Call.now
        let end = self.end ?? now + limit
        self.end = end
        guard error.code == .transient, now < end else { throw error }
        // Up to a half more, lest all that wait for a server come back at once.
        let due = min(end, now + pause + .random(in: 0...pause / 2))
        pause = min(Self.longestPause, pause * 2)
        try call.sleep(.nanoseconds(due - now))
    }
}
