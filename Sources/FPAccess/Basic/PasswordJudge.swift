import Crypto
import FPFormats
import Logging
import Synchronization

/// Says whether passwords are right, and makes guessing slow.
///
/// A check takes a tenth of a second by design, so it is made on a few threads of its own; a right password is remembered
/// for some minutes by a keyed digest, and the same question asked several times at once is answered once. Whoever fails
/// waits before the next check, longer each time, by address and by name, without holding a thread. Who has logged in from
/// the same address before is neither slowed nor kept out by others' failures with the name.
final class PasswordJudge: Sendable {
    enum Verdict {
        case right
        case wrong
        /// Too many different questions wait.
        case tooMany(Crowd.Excess)
        /// Too many checks wait for a thread.
        case busy
    }

    private typealias Digest = HMAC<SHA256>.MAC

    private struct State {
        /// Of the file that the rest is about.
        var generation = 0
        /// Right passwords.
        var remembered = AgingTable<Digest, Void>(lifetime: .seconds(300), capacity: 4096)
        /// Addresses with the names that they have proved.
        var proved = AgingTable<Digest, Void>(lifetime: .seconds(86_400), capacity: 4096)
        var running: [Digest: Task<Verdict, Never>] = [:]
        /// The questions that are under way.
        var crowd = Crowd()
        var failures = Failures()
    }

    private let file: WatchedFile<PasswordTable>
    private let clock: AccessClock
    private let pool = BlockingPool(threads: 2, capacity: 64)
    private let seed = HMAC<SHA256>(key: SymmetricKey(size: .bits256))
    private let state = Mutex(State())

    init(path: String, clock: AccessClock, logger: Logger) throws(AccessFileError) {
        file = try WatchedFile(
            path, limit: PasswordTable.largest, empty: nil, clock: clock, logger: logger,
            parse: PasswordTable.init(_:path:))
        self.clock = clock
    }

    /// Whether nobody can get in as things are.
    var isEmpty: Bool { file.latest.content.isEmpty }

    /// - Parameter address: Of the client, as the request has it.
    func verdict(on credentials: BasicCredentials, from address: String) async -> Verdict {
        enum Step {
            case done(Verdict)
            case ask(Task<Verdict, Never>)
        }
        let question = Question(credentials, from: Self.neighbourhood(of: address), seed)
        await file.upToDate()
        let step = state.withLock { state -> Step in
            // Asked under the lock, so that no older file is seen after a newer one.
            let (table, generation) = file.latest
            if generation != state.generation {
                state.generation = generation
                state.remembered.removeAll()
                state.proved.removeAll()
                state.running = [:]
            }
            let now = clock.uptime()
            if let task = state.running[question.digest] { return .ask(task) }
            // As a rule nobody waits, and the chunks of an upload cost little.
            let isRemembered = state.remembered.value(of: question.digest, at: now) != nil
            if isRemembered, state.crowd.isEmpty { return .done(.right) }
            let isKnown = state.proved.value(of: question.pair, at: now) != nil
            // Before what is remembered: an answer to more questions than may wait would tell right from wrong at once.
            if let excess = state.crowd.excess(question, isKnown: isKnown) { return .done(.tooMany(excess)) }
            if isRemembered { return .done(.right) }
            state.crowd.add(question, isKnown: isKnown)
            let pause = state.failures.pause(before: question, isKnown: isKnown, at: now)
            // A task of its own: who asked first may go away, and others wait for the same answer.
            let task = Task { await self.answer(question, isKnown: isKnown, by: table, generation, after: pause) }
            state.running[question.digest] = task
            return .ask(task)
        }
        switch step {
        case .done(let verdict): return verdict
        case .ask(let task): return await task.value
        }
    }

    private func answer(
        _ question: Question, isKnown: Bool, by table: PasswordTable, _ generation: Int, after pause: Duration
    ) async -> Verdict {
        if pause > .zero { await clock.pause(pause) }
        let (hash, isReal) = table.hash(of: question.user)
        let isRight = await pool.run(first: isKnown) { hash.accepts(question.password) }
        let verdict: Verdict = isRight.map { $0 && isReal ? .right : .wrong } ?? .busy
        state.withLock { state in
            state.crowd.remove(question, isKnown: isKnown)
            let now = clock.uptime()
            switch verdict {
            case .right: state.failures.forgetName(of: question)
            case .wrong: state.failures.add(question, at: now)
            case .tooMany, .busy: break
            }
            // A file that was read meanwhile knows other passwords.
            guard state.generation == generation else { return }
            state.running[question.digest] = nil
            if case .right = verdict {
                state.remembered.set((), for: question.digest, at: now)
                state.proved.set((), for: question.pair, at: now)
            }
        }
        return verdict
    }

    /// Whose failures count together: an address of IPv4, or the 64 bits that a subscriber of IPv6 is given at least.
    private static func neighbourhood(of address: String) -> String {
        guard let parsed = IPAddress(address), parsed.family == .v6 else { return address }
        return AddressBlock(parsed, prefixLength: 64).description
    }
}
