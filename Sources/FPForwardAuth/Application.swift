import Crypto
import FPCurl
import FPFormats
import Logging
import Synchronization

/// The application as one who asks it sees it: the same question is asked once at a time, and its answer is kept for a
/// while.
final class Application: Sendable {
    typealias Outcome = Result<Answer, NoAnswer>
    private typealias Key = HMAC<SHA256>.MAC

    private struct State {
        typealias Waiter = CheckedContinuation<Outcome, Never>

        /// Apart from the others, so that somebody who makes up credentials drives out no visitor's.
        var refused = Memory<Key, Answer>(atMost: 1024)
        var known = Memory<Key, Answer>(atMost: 8192)
        /// Those who wait, by what was asked.
        var waiting: [Key: [Waiter]] = [:]

        mutating func answer(_ key: Key, at now: ContinuousClock.Instant) -> Answer? {
            known.value(of: key, at: now) ?? refused.value(of: key, at: now)
        }
    }

    /// A key of the driver's.
    private final class Ticket: Sendable {}

    private enum Step {
        case go(Answer)
        case ask
        case wait
    }

    private let state = Mutex(State())
    private let settings: ForwardSettings
    private let userAgent: String
    private let driver: Driver
    private let secret = SymmetricKey(size: .bits256)
    private let now: @Sendable () -> ContinuousClock.Instant
    private let complaint: Complaint

    /// A visitor who was refused may log in at any moment.
    private static let longestRefusal = Duration.seconds(1)
    /// Questions that wait for a place, beyond those under way.
    private static let mostWaiting = 1024

    init(
        _ settings: ForwardSettings, userAgent: String, now: @escaping @Sendable () -> ContinuousClock.Instant,
        logger: Logger
    ) throws(CurlFailure) {
        self.settings = settings
        self.userAgent = userAgent
        self.now = now
        complaint = Complaint(logger, now: now)
        var limits = Driver.Limits()
        limits.concurrency = settings.concurrency
        limits.waiting = Self.mostWaiting
        limits.idleConnections = settings.concurrency
        limits.idleHandles = settings.concurrency
        driver = try Driver(limits) { logger.error("no application can be asked: \($0.text)") }
    }

    deinit { driver.stop() }

    func answer(to question: Question) async -> Outcome {
        let key = question.key(secret, withTarget: settings.cacheTime == .zero)
        if let answer = state.withLock({ $0.answer(key, at: now()) }) { return .success(answer) }
        return await withCheckedContinuation { continuation in
            let step = state.withLock { state -> Step in
                if let answer = state.answer(key, at: now()) { return .go(answer) }
                let isFirst = state.waiting[key] == nil
                state.waiting[key, default: []].append(continuation)
                return isFirst ? .ask : .wait
            }
            switch step {
            case .go(let answer): continuation.resume(returning: .success(answer))
            case .ask: ask(question, key)
            case .wait: break
            }
        }
    }

    private func ask(_ question: Question, _ key: Key) {
        // What holds is what the application knew when it was asked, at the latest.
        let asked = now()
        let deadline = ContinuousClock.now + settings.timeout
        let isStarted = driver.start(Ticket(), before: deadline) { [weak self, settings, userAgent] in
            Inquiry(question, settings, userAgent: userAgent, deadline: deadline) { self?.conclude($0, key, asked) }
        }
        if !isStarted { conclude(.failure(NoAnswer("the server is stopping")), key, asked) }
    }

    private func conclude(_ outcome: Outcome, _ key: Key, _ asked: ContinuousClock.Instant) {
        let waiting = state.withLock { state in
            if case .success(let answer) = outcome, settings.cacheTime > .zero {
                switch answer {
                case .known:
                    state.known.keep(answer, of: key, until: asked + settings.cacheTime)
                case .refused:
                    state.refused.keep(answer, of: key, until: asked + min(settings.cacheTime, Self.longestRefusal))
                }
            }
            return state.waiting.removeValue(forKey: key) ?? []
        }
        if case .failure(let error) = outcome {
            complaint.tell(
                "the application at \(settings.shownURL), which knows the visitors, gives no answer, so they are "
                    + "turned away with a 503: \(error.text)")
        }
        for continuation in waiting { continuation.resume(returning: outcome) }
    }
}
