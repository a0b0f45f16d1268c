/// How a store is, as far as its calls have shown, without asking it.
public struct StoreCondition: Sendable, Equatable {
    /// One thing that is wrong.
    public struct Problem: Sendable, Equatable {
        /// What is wrong.
        public enum Kind: Sendable, Equatable {
            /// It does not answer, or says that it is unfit; its calls fail at once.
            case down
            /// Calls fail, or it says that something is wrong.
            case failing
            /// A call is past ``StoreSettings/deadline`` and has not come back.
            case late
            /// Calls did not come back; their threads are written off.
            case stuck
            /// Every thread is written off: no call can run.
            case exhausted
            /// Reads work, writes do not.
            case cannotWrite
            /// Reads work; there is no room for writes.
            case noSpace
        }

        /// What is wrong.
        public var kind: Kind
        /// One line for the operator; not for clients.
        public var reason: String
        /// Since when, in milliseconds since 1970.
        public var since: Int64

        /// Makes a problem as given.
        public init(kind: Kind, reason: String, since: Int64) {
            self.kind = kind
            self.reason = reason
            self.since = since
        }
    }

    /// What is wrong; empty if all is well.
    public var problems: [Problem]

    /// Fit for work or not.
    public var state: StoreHealth.State {
        problems.map(\.kind.state).max() ?? .ok
    }

    /// What a store that is not down cannot do.
    public var limits: StoreHealth.Limits {
        var limits: StoreHealth.Limits = []
        for problem in problems {
            if problem.kind == .cannotWrite { limits.insert(.cannotWrite) }
            if problem.kind == .noSpace { limits.insert(.noSpace) }
        }
        return limits
    }
}

extension StoreCondition.Problem.Kind {
    var state: StoreHealth.State {
        switch self {
        case .down, .exhausted: .down
        case .failing, .late, .stuck, .cannotWrite, .noSpace: .degraded
        }
    }
}

extension Store {
    /// How the store is, as far as its calls have shown.
    public var condition: StoreCondition {
        var problems: [StoreCondition.Problem] = []
        let breaker = activity.breaker.condition
        let troubles = activity.writes.troubles
        // A write problem that the health call reported is listed below as such, and not as a failing store as well.
        let isSaid = breaker.state == .degraded && troubles.contains { $0.trouble.reason == breaker.reason }
        if breaker.state != .ok, !isSaid {
            problems.append(
                StoreCondition.Problem(
                    kind: breaker.state == .down ? .down : .failing, reason: breaker.reason, since: breaker.since))
        }
        for (limit, trouble) in troubles {
            problems.append(
                StoreCondition.Problem(
                    kind: limit == .noSpace ? .noSpace : .cannotWrite, reason: trouble.reason, since: trouble.since))
        }
        return StoreCondition(problems: problems + lateCalls)
    }

    private var lateCalls: [StoreCondition.Problem] {
        let now = MonotonicTime.now
        let census = pool.census(lateAfter: settings.deadline, at: now)
        func problem(
            _ kind: StoreCondition.Problem.Kind, _ oldest: WorkerPool.Census.Oldest?, _ words: String
        ) -> StoreCondition.Problem {
            let age = oldest.map { now - $0.submitted } ?? .zero
            let whose = oldest.map { "\($0.name), begun \(age.shown) ago, " } ?? ""
            return StoreCondition.Problem(
                kind: kind, reason: whose + words, since: WallClock.milliseconds - age.wholeNanoseconds / 1_000_000)
        }
        if !census.hasCapacity {
            return [problem(.exhausted, census.oldestLost, "does not come back; all threads are stuck in the plugin")]
        }
        var problems: [StoreCondition.Problem] = []
        if census.lost > 0 {
            problems.append(
                problem(
                    .stuck, census.oldestLost, "does not come back; threads stuck in the plugin: \(census.lost)"))
        }
        if census.late > 0 {
            problems.append(
                problem(.late, census.oldestLate, "takes longer than the deadline of \(settings.deadline.shown)"))
        }
        return problems
    }
}
