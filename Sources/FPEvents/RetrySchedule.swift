/// When a delivery that failed is tried again: as Standard Webhooks proposes, ten attempts in about three days.
public struct RetrySchedule: Sendable {
    /// The pauses after the first attempt, the second and so on; after the last pause there is one more attempt.
    public var pauses: [Duration] = [
        .seconds(5), .seconds(5 * 60), .seconds(30 * 60), .seconds(2 * 3600), .seconds(5 * 3600), .seconds(10 * 3600),
        .seconds(14 * 3600), .seconds(20 * 3600), .seconds(24 * 3600),
    ]

    /// The longest that a receiver's `Retry-After` is followed.
    static let longest = Duration.seconds(24 * 3600)

    /// The proposed schedule.
    public init() {}

    /// A schedule as given.
    public init(pauses: [Duration]) { self.pauses = pauses }

    /// How long to wait; `nil` if that was the last attempt.
    /// - Parameters:
    ///   - attempt: how many had failed before this one.
    ///   - wish: what the receiver asked for.
    ///   - chance: from 0 to 1. Up to a fifth is added, so that what failed together does not come back together.
    func pause(after attempt: Int, wish: Duration?, chance: Double) -> Duration? {
        guard pauses.indices.contains(attempt) else { return nil }
        let pause = pauses[attempt] + pauses[attempt] * (chance / 5)
        return max(pause, min(wish ?? .zero, Self.longest))
    }
}
