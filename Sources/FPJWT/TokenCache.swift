import Crypto
import FPHTTP
import Synchronization

/// Tokens that were verified a moment ago, so that each chunk of an upload does not cost a signature. Known by their
/// digests: the cache gives no token away.
///
/// Two halves: what is asked for moves to the newer one, and when that is full, the older one goes. So it is bounded, and
/// keeps what is in use.
final class TokenCache: Sendable {
    /// How long a token may go without being verified anew.
    static let longest = Duration.seconds(300)

    fileprivate struct Entry {
        let caller: Caller
        /// When the token itself expires, in seconds since 1970.
        let expiry: Double
        let end: ContinuousClock.Instant
    }

    fileprivate struct State {
        var newer: [SHA256Digest: Entry] = [:]
        var older: [SHA256Digest: Entry] = [:]
        var revision = 0
    }

    private let state = Mutex(State())
    private let half: Int

    init(capacity: Int) {
        half = max(1, capacity / 2)
    }

    /// The caller of a token that was verified with the keys of that revision.
    func caller(_ digest: SHA256Digest, keys revision: Int, at now: JWTClock.Moment) -> Caller? {
        state.withLock { state in
            state.keep(revision)
            if let entry = state.newer[digest] { return entry.valid(now) }
            guard let entry = state.older.removeValue(forKey: digest) else { return nil }
            state.add(digest, entry, half)
            return entry.valid(now)
        }
    }

    /// Remembers a token, unless the keys have changed since.
    func remember(
        _ digest: SHA256Digest, _ caller: Caller, expiry: Double, keys revision: Int, at now: JWTClock.Moment
    ) {
        state.withLock { state in
            guard revision == state.revision else { return }
            state.add(digest, Entry(caller: caller, expiry: expiry, end: now.steady + Self.longest), half)
        }
    }

    /// How many tokens are remembered.
    var count: Int { state.withLock { $0.newer.count + $0.older.count } }
}

extension TokenCache.Entry {
    fileprivate func valid(_ now: JWTClock.Moment) -> Caller? {
        now.seconds < expiry && now.steady < end ? caller : nil
    }
}

extension TokenCache.State {
    /// Forgets everything when the keys are newer ones.
    fileprivate mutating func keep(_ revision: Int) {
        guard revision > self.revision else { return }
        self = TokenCache.State(revision: revision)
    }

    fileprivate mutating func add(_ digest: SHA256Digest, _ entry: TokenCache.Entry, _ half: Int) {
        if newer.count >= half {
            older = newer
            newer.removeAll(keepingCapacity: true)
        }
        newer[digest] = entry
    }
}
