import Glibc

/// Nanoseconds of the clock that the host's deadlines are in.
func monotonicNow() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// Seconds since 1970, as servers stamp files with.
func unixNow() -> UInt32 { UInt32(truncatingIfNeeded: time(nil)) }

extension Duration {
    /// In nanoseconds; what is longer than three centuries counts as that.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max / 2 : whole + attoseconds / 1_000_000_000
    }

    /// For `poll` and the like: rounded up, so that a wait is never over too early.
    var pollMilliseconds: Int32 { Int32(clamping: (nanoseconds + 999_999) / 1_000_000) }
}
