import FPContractDriver
import FPPluginAPI
import Glibc

/// Runs one case in this process.
enum CaseRun {
    static func run(_ id: String, _ plan: Plan) -> Outcome {
        guard let subject = Suite.all.first(where: { $0.id == id }) else {
            return Outcome(.failed, "there is no case \(id)")
        }
        let start = MonotonicClock.seconds
        var outcome = Outcome(.passed)
        do {
            try HostThreads.run {
                let bench = try Bench(subject, plan)
                defer { bench.cleanUp() }
                try bench.meet(subject.needs)
                try subject.run(bench)
            }
        } catch {
            outcome = Self.outcome(of: error)
        }
        outcome.seconds = MonotonicClock.seconds - start
        return outcome
    }

    private static func outcome(of error: any Error) -> Outcome {
        switch error {
        case let broken as Broken: Outcome(.failed, broken.message, clause: broken.clause?.description)
        case let inapplicable as Inapplicable: Outcome(.skipped, inapplicable.reason)
        case let failure as Failure: Outcome(.failed, failure.description)
        default: Outcome(.failed, "\(error)")
        }
    }
}
