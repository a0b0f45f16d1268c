import Logging
import Synchronization

/// Tells the operator of a trouble that lasts, once a minute.
final class Complaint: Sendable {
    private struct State {
        var told: ContinuousClock.Instant?
        var untold = 0
    }

    private let state = Mutex(State())
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant

    private static let pause = Duration.seconds(60)

    init(_ logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.logger = logger
        self.now = now
    }

    func tell(_ text: String) {
        let now = now()
        let untold = state.withLock { state -> Int? in
            if let told = state.told, now < told + Self.pause {
                state.untold += 1
                return nil
            }
            defer { state = State(told: now) }
            return state.untold
        }
        guard let untold else { return }
        logger.error(
            "\(text)\(untold == 0 ? "" : "; the same or the like happened \(untold) times since this was last said")")
    }
}
