import Crypto
import FPFormats
import Logging
import Synchronization

/// Says whether passwords are right, and makes guessing slow.
///
/// A check takes a tenth of a second by design, so it is made on a few threads of its own; a right password is remembered
/// for some minutes by a keyed digest, and the same question asked several times at once is answered once. Whoever fails
/// waits before the next check, longer each time, by address and by name, without holding a thread.
final class PasswordJudge: Sendable {
    enum Verdict {
        case right
        case wrong
        /// Too many different questions of one address wait.
        case tooMany
        /// Too many questions wait.
        case busy
    }

    private typealias Digest = HMAC<SHA256>.MAC

    private struct State {
        /// Of the file that the rest is about.
        var generation = 0
        /// Right passwords.
        var remembered = AgingTable<Digest, Void>(lifetime: .seconds(300), capacity: 4096)
        var running: [Digest: Task<Verdict, Never>] = [:]
        /// How many questions of an address are under way.
        var waiting: [String: Int] = [:]
        var failures = Failures()
    }

    /// The most different questions of one address that are under way at once.
    static let mostOfAddress = 8

    private let file: WatchedFile<PasswordTable>
    private let clock: AccessClock
    private let pool = BlockingPool(threads: 2, capacity: 64)
    private let key = SymmetricKey(size: .bits256)
    private let state = Mutex(State())

    init(path: String, clock: AccessClock, logger: Logger) throws(AccessFileError) {
        file = try WatchedFile(
            path, limit: PasswordTable.largest, empty: nil, clock: clock, logger: logger,
            parse: PasswordTable.init(_:path:))
        self.clock = clock
    }

    /// Whether nobody can get in as things are.
    var isEmpty: Bool { file.current().content.isEmpty }

    /// - Parameter address: Of the client, as the request has it.
    func verdict(on credentials: BasicCredentials, from address: String) async -> Verdict {
        enum Step {
            case done(Verdict)
            case ask(Task<Verdict, Never>)
        }
        let question = Question(credentials, from: Self.neighbourhood(of: address), key)
        let step = state.withLock { state -> Step in
            // Asked under the lock, so that no older file is seen after a newer one.
            let (table, generation) = file.current()
            if generation != state.generation {
                state.generation = generation
                state.remembered.removeAll()
                state.running = [:]
            }
            let now = clock.uptime()
            if let task = state.running[question.digest] { return .ask(task) }
            let waiting = state.waiting[question.address, default: 0]
            // Before what is remembered: an answer to more questions than may wait would tell right from wrong at once.
            guard waiting < Self.mostOfAddress else { return .done(.tooMany) }
            if state.remembered.value(of: question.digest, at: now) != nil { return .done(.right) }
            state.waiting[question.address] = waiting + 1
            let pause = state.failures.pause(before: question, at: now)
            // A task of its own: who asked first may go away, and others wait for the same answer.
            let task = Task { await self.answer(question, by: table, generation, after: pause) }
            state.running[question.digest] = task
            return .ask(task)
        }
        switch step {
        case .done(let verdict): return verdict
        case .ask(let task): return await task.value
        }
    }

    private func answer(
        _ question: Question, by table: PasswordTable, _ generation: Int, after pause: Duration
    ) async -> Verdict {
        if pause > .zero { await clock.pause(pause) }
        let (hash, isReal) = table.hash(of: question.user)
        let isRight = await pool.run { hash.accepts(question.password) }
        let verdict: Verdict = isRight.map { $0 && isReal ? .right : .wrong } ?? .busy
        state.withLock { state in
            let left = state.waiting[question.address, default: 1] - 1
            state.waiting[question.address] = left == 0 ? nil : left
            let now = clock.uptime()
            switch verdict {
            case .right: state.failures.forgetName(of: question)
            case .wrong: state.failures.add(question, at: now)
            case .tooMany, .busy: break
            }
            // A file that was read meanwhile knows other passwords.
            guard state.generation == generation else { return }
            state.running[question.digest] = nil
            if verdict == .right { state.remembered.set((), for: question.digest, at: now) }
        }
        return verdict
    }

    /// Whose failures count together: an address of IPv4, or the 64 bits that a subscriber of IPv6 is given at least.
    private static func neighbourhood(of address: String) -> String {
        guard let parsed = IPAddress(address), parsed.family == .v6 else { return address }
        return AddressBlock(parsed, prefixLength: 64).description
    }
}

/// Whether a password is right, as one address asks.
struct Question: Sendable {
    let user: String
    let password: String
    let address: String
    /// Of address, name and password: what one address has proved tells another nothing.
    let digest: HMAC<SHA256>.MAC
    /// Of the name alone, so that names of any length take the same room.
    let name: HMAC<SHA256>.MAC

    init(_ credentials: BasicCredentials, from address: String, _ key: SymmetricKey) {
        user = credentials.user
        password = credentials.password
        self.address = address
        // There is no colon in a name, so that no two pairs have one text; and none in what stands for the name alone.
        digest = HMAC.authenticationCode(for: Array("\(address)\u{0}\(user):\(password)".utf8), using: key)
        name = HMAC.authenticationCode(for: Array(user.utf8), using: key)
    }
}
