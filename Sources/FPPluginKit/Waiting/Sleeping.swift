import Glibc

extension Call {
    /// Nanoseconds of `CLOCK_MONOTONIC`: the clock that ``deadlineNanoseconds`` is of.
    public static var now: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    /// Lets time pass, for as long as the call is wanted.
    /// - Throws: `.timeout` or `.cancelled`, within a tenth of a second of either.
    public func sleep(_ pause: Duration) throws(PluginError) {
        let end = Call.now + pause.nanoseconds
        while true {
            try check()
            let left = min(end, deadlineNanoseconds ?? .max) - Call.now
            guard left > 0 else {
                try check()
                return
            }
            // Not for longer, since a host need not have a descriptor to tell.
            var watched = pollfd(fd: cancelFD, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, Int32(min(100, (left + 999_999) / 1_000_000)))
        }
    }
}

extension Duration {
    /// The duration in nanoseconds, as deadlines are counted; more than a century counts as 146 years.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow || whole > .max / 2 ? .max / 2 : whole + attoseconds / 1_000_000_000
    }
}
