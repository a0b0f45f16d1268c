import Crypto
import FPCurl
import FPFormats
import Logging
import Synchronization

/// The application as one who asks it sees it: the same question is asked once at a time, and its answer is kept for a
/// while. A question that waits for a place, and that no visitor waits for any more, is given up; one that the application
/// is at work on keeps its place, so that visitors who come and go cannot give it more work than there are places.
final class Application: Sendable {
    typealias Outcome = Result<Answer, NoAnswer>
    private typealias Key = HMAC<SHA256>.MAC

    private struct State {
        typealias Waiter = CheckedContinuation<Outcome, Never>

        /// Apart from the others, so that somebody who makes up credentials drives out no visitor's.
        var refused = Memory<Key, Answer>(atMost: 1024)
        var known = Memory<Key, Answer>(atMost: 8192)
        /// What is being asked, and who waits for the answer.
        var asked: [Key: (ticket: Ticket, waiting: [ObjectIdentifier: Waiter])] = [:]

        mutating func answer(_ key: Key, at now: ContinuousClock.Instant) -> Answer? {
            known.value(of: key, at: now) ?? refused.value(of: key, at: now)
        }
    }

    /// What a question is known by at the driver's, and a visitor here.
    private final class Ticket: Sendable {}

    private enum Step {
        case go(Answer)
        case ask(Ticket)
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
        let visitor = Ticket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                switch enter(visitor, continuation, key) {
                case .go(let answer): continuation.resume(returning: .success(answer))
                case .ask(let ticket): ask(question, key, ticket)
                case .wait: break
                }
                // Then it was too early for the handler.
                if Task.isCancelled { leave(visitor, key) }
            }
        } onCancel: {
            leave(visitor, key)
        }
    }

    private func enter(_ visitor: Ticket, _ waiter: State.Waiter, _ key: Key) -> Step {
        state.withLock { state in
            if let answer = state.answer(key, at: now()) { return .go(answer) }
            let isAsked = state.asked[key] != nil
            let ticket = state.asked[key]?.ticket ?? Ticket()
            state.asked[key, default: (ticket, [:])].waiting[ObjectIdentifier(visitor)] = waiter
            return isAsked ? .wait : .ask(ticket)
        }
    }

    /// A visitor has gone away, whose request nobody answers any more.
    private func leave(_ visitor: Ticket, _ key: Key) {
        let (waiter, unwanted) = state.withLock { state -> (State.Waiter?, Ticket?) in
            guard let waiter = state.asked[key]?.waiting.removeValue(forKey: ObjectIdentifier(visitor)) else {
                return (nil, nil)
            }
            guard state.asked[key]?.waiting.isEmpty == true else { return (waiter, nil) }
            return (waiter, state.asked.removeValue(forKey: key)?.ticket)
        }
        if let unwanted { driver.withdraw(unwanted) }
        waiter?.resume(returning: .failure(NoAnswer("the visitor has gone away")))
    }

    private func ask(_ question: Question, _ key: Key, _ ticket: Ticket) {
        // What holds is what the application knew when it was asked, at the latest.
        let asked = now()
        let deadline = ContinuousClock.now + settings.timeout
        let isStarted = driver.start(ticket, before: deadline) { [weak self, settings, userAgent] in
            Inquiry(question, settings, userAgent: userAgent, deadline: deadline) { outcome in
                self?.conclude(outcome, key, ticket, asked)
            }
        }
        if !isStarted { conclude(.failure(NoAnswer("the server is stopping")), key, ticket, asked) }
        // The visitor may have gone between, before there was a transfer to give up.
        if state.withLock({ $0.asked[key]?.ticket !== ticket }) { driver.withdraw(ticket) }
    }

    private func conclude(_ outcome: Outcome, _ key: Key, _ ticket: Ticket, _ asked: ContinuousClock.Instant) {
        let waiting = state.withLock { state -> [ObjectIdentifier: State.Waiter]? in
            // One that was given up says nothing.
            guard state.asked[key]?.ticket === ticket else { return nil }
            if case .success(let answer) = outcome, settings.cacheTime > .zero {
                switch answer {
                case .known:
                    state.known.keep(answer, of: key, until: asked + settings.cacheTime)
                case .refused:
                    state.refused.keep(answer, of: key, until: asked + min(settings.cacheTime, Self.longestRefusal))
                }
            }
            return state.asked.removeValue(forKey: key)?.waiting
        }
        guard let waiting else { return }
        if case .failure(let error) = outcome {
            complaint.tell(
                "the application at \(settings.shownURL), which knows the visitors, gives no answer, so they are "
                    + "turned away with a 503: \(error.text)")
        }
        for continuation in waiting.values { continuation.resume(returning: outcome) }
    }
}
