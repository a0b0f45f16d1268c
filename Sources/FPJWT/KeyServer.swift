import FPFormats
import Logging
import Synchronization

/// A key set at a URL. It is got anew before it is `refresh` old, and at once when a token names a key that it does not have, or
/// names none and is signed with none of these.
/// While the URL fails, the last good set stays in force.
///
/// There is no task behind it: whoever asks for keys that are due begins to get them, and waits only for what would
/// otherwise be too old, or not there at all. One download at a time.
final class KeyServer: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// The least time between two downloads for the sake of unknown keys, whose names anybody can make up.
    static let pauseForUnknown = Duration.seconds(10)
    /// The least time between two downloads while the URL fails.
    static let pauseAfterFailure = Duration.seconds(5)
    private static let pauseOfLog = Duration.seconds(60)

    /// What is known at a moment.
    struct View {
        var keys: [VerificationKey] = []
        var revision = 0
        /// Whether there has been no set yet.
        var isMissing = true
        /// Whether the last download failed.
        var isFailing = false

        /// Whether a key of that name is in the set.
        func has(_ id: String) -> Bool { keys.contains { $0.id.map { $0.isSame(as: id) } ?? false } }
    }

    fileprivate struct State {
        var view = View()
        /// What the keys were read from.
        var text: [UInt8] = []
        var loaded: Instant?
        var begun: Instant?
        var isLoading = false
        var waiters: [CheckedContinuation<Void, Never>] = []
        var logged: Instant?
    }

    private let url: String
    private let refresh: Duration
    private let download: KeyDownload
    private let logger: Logger
    private let now: @Sendable () -> Instant
    private let state = Mutex(State())

    init(
        _ url: String, refresh: Duration, download: KeyDownload, logger: Logger, now: @escaping @Sendable () -> Instant
    ) {
        self.url = url
        self.refresh = refresh
        self.download = download
        self.logger = logger
        self.now = now
    }

    /// Begins the first download.
    func start() { beginIfWanted { $0.begun == nil } }

    /// The keys that were downloaded last.
    var latest: View { state.withLock { $0.view } }

    /// Downloads the keys when it is time. Waits, if at all, for the download under way.
    func upToDate() async {
        let now = self.now()
        beginIfWanted { $0.isDue(now, refresh) }
        if state.withLock({ $0.mustWait(now, refresh) }) { await wait() }
    }

    /// Downloads the keys for the sake of one that they do not have, if it is time for that.
    func renew() async {
        let now = self.now()
        beginIfWanted { state in
            guard let begun = state.begun else { return true }
            return now >= begun + Self.pauseForUnknown
        }
        await wait()
    }

    private func beginIfWanted(_ isWanted: (State) -> Bool) {
        let now = self.now()
        let begins = state.withLock { state in
            guard !state.isLoading, isWanted(state) else { return false }
            state.isLoading = true
            state.begun = now
            return true
        }
        if begins { download.begin { self.end($0) } }
    }

    /// Until no download is under way.
    private func wait() async {
        await withCheckedContinuation { continuation in
            let isLoading = state.withLock { state in
                if state.isLoading { state.waiters.append(continuation) }
                return state.isLoading
            }
            if !isLoading { continuation.resume() }
        }
    }

    private func end(_ result: Result<[UInt8], Complaint>) {
        let now = self.now()
        let outcome = result.flatMap { text in
            Result { () throws(Complaint) in try KeyText.keySet(text, takesSecrets: false) }.map { (text, $0) }
        }
        let (waiters, line) = state.withLock { state in
            let line =
                switch outcome {
                case .success((let text, let keys)): state.succeed(text, keys, now)
                case .failure(let complaint): state.fail(complaint, now, Self.pauseOfLog)
                }
            state.isLoading = false
            defer { state.waiters = [] }
            return (state.waiters, line)
        }
        switch line {
        case .good(let text)?: logger.notice("\(url) \(text)")
        case .bad(let text)?: logger.warning("\(url) \(text)")
        case nil: break
        }
        for waiter in waiters { waiter.resume() }
    }

    fileprivate enum Line {
        case good(String)
        case bad(String)
    }
}

extension KeyServer.State {
    /// Whether it is time for a download: before the set is too old, so that on a busy server nobody has to wait.
    fileprivate func isDue(_ now: KeyServer.Instant, _ refresh: Duration) -> Bool {
        guard let begun else { return true }
        if view.isFailing { return now >= begun + KeyServer.pauseAfterFailure }
        guard let loaded else { return true }
        return now >= loaded + refresh * 4 / 5
    }

    /// Whether what is there is nothing, or so old that it must not be used while there may be something newer.
    fileprivate func mustWait(_ now: KeyServer.Instant, _ refresh: Duration) -> Bool {
        guard isLoading else { return false }
        guard let loaded else { return true }
        return !view.isFailing && now >= loaded + refresh
    }

    fileprivate mutating func succeed(
        _ text: [UInt8], _ keys: [VerificationKey], _ now: KeyServer.Instant
    ) -> KeyServer.Line? {
        let hasFailed = view.isFailing
        let isNew = view.isMissing || text != self.text
        if isNew { view = KeyServer.View(keys: keys, revision: view.revision + 1, isMissing: false) }
        view.isFailing = false
        self.text = text
        loaded = now
        logged = nil
        return isNew || hasFailed ? .good("has \(keys.count) keys for tokens") : nil
    }

    fileprivate mutating func fail(
        _ complaint: Complaint, _ now: KeyServer.Instant, _ pause: Duration
    ) -> KeyServer.Line? {
        view.isFailing = true
        if let logged, now < logged + pause { return nil }
        logged = now
        let consequence =
            view.isMissing
            ? "Tokens are answered with 503 until it gives its keys." : "The keys that it gave before stay in force."
        return .bad("\(complaint.text). \(consequence)")
    }
}
