import Glibc

/// The time of day, which tokens name, and a clock that nobody sets, for intervals.
package struct JWTClock: Sendable {
    /// Both at once.
    package struct Moment: Sendable {
        /// Since 1970-01-01T00:00:00Z.
        package var seconds: Double
        /// Of the clock that only goes forward.
        package var steady: ContinuousClock.Instant

        /// A moment as given.
        package init(seconds: Double, steady: ContinuousClock.Instant) {
            self.seconds = seconds
            self.steady = steady
        }
    }

    /// The present moment.
    package let now: @Sendable () -> Moment

    /// A clock that shows what the closure says.
    package init(now: @escaping @Sendable () -> Moment) {
        self.now = now
    }

    /// The system's.
    package static let system = JWTClock {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(seconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9, steady: .now)
    }
}
