import FPFormats
import HTTPTypes
import NIOCore
import Synchronization

/// How many requests one address, and one owner of uploads, may send: a number each second, and more of them at once after
/// a pause.
///
/// A caller's bucket is one number, the time at which it would be full again if nothing more came (the generic cell rate
/// algorithm of ITU-T I.371). The memory for callers is bounded: of more than are kept, those who have not been seen for the
/// longest time are forgotten, and begin anew.
public final class RequestRates: Sendable {
    /// The numbers.
    public struct Limits: Sendable, Equatable {
        /// Requests a second from one address; 0 for as many as come. Of IPv6 addresses, those of one /64 are one: a host
        /// chooses freely among them.
        public var perAddress: Int
        /// Requests a second of one owner; 0 for as many as come.
        public var perOwner: Int
        /// Requests that may come at once.
        public var burst: Int

        /// These numbers.
        public init(perAddress: Int, perOwner: Int, burst: Int) {
            self.perAddress = perAddress
            self.perOwner = perOwner
            self.burst = burst
        }
    }

    /// Callers that are kept are at least so many, and at most twice as many.
    static let kept = 1 << 15

    /// Who was seen lately, and who before that; by digests of their names, since names may be long.
    private struct Buckets {
        var recent: [Int: UInt64] = [:]
        var older: [Int: UInt64] = [:]
    }

    private let limits: Limits
    private let addresses = Mutex(Buckets())
    private let owners = Mutex(Buckets())
    private let now: @Sendable () -> UInt64

    /// - Parameter now: The time in nanoseconds, from a clock that never goes back.
    public init(_ limits: Limits, now: @escaping @Sendable () -> UInt64 = { NIODeadline.now().uptimeNanoseconds }) {
        self.limits = limits
        self.now = now
    }

    /// Counts a request from a client.
    /// - Parameter client: As ``Request/clientAddress`` has it.
    /// - Throws: A 429 if there were too many.
    func countAddress(_ client: String) throws(Problem) {
        guard limits.perAddress > 0, let network = ClientNetwork(client: client) else { return }
        try count(addresses, network.hashValue, limits.perAddress, "your address")
    }

    /// Counts a request of an owner.
    /// - Throws: A 429 if there were too many.
    func countOwner(_ owner: String?) throws(Problem) {
        guard limits.perOwner > 0, let owner else { return }
        try count(owners, TextKey(owner).hashValue, limits.perOwner, "you")
    }

    private func count(_ all: borrowing Mutex<Buckets>, _ key: Int, _ rate: Int, _ whom: String) throws(Problem) {
        let now = now()
        let interval = 1_000_000_000 / UInt64(rate)
        let burst = interval * UInt64(max(1, limits.burst))
        let full: UInt64? = all.withLock { buckets in
            let full = max(now, buckets.recent[key] ?? buckets.older[key] ?? 0) + interval
            guard full <= now + burst else { return full }
            if buckets.recent.count >= Self.kept, buckets.recent[key] == nil {
                buckets.older = buckets.recent
                buckets.recent = [:]
            }
            buckets.recent[key] = full
            return nil
        }
        guard let full else { return }
        let seconds = (full - now - burst + 999_999_999) / 1_000_000_000
        throw Problem(
            .tooManyRequests, "Too many requests come from \(whom); send the next in \(seconds) s.",
            code: "too-many-requests",
            headers: [.retryAfter: "\(seconds)"])
    }
}
