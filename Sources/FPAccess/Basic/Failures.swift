import Crypto

/// Wrong passwords of late, by client address and by user name.
struct Failures {
    private var addresses = AgingTable<String, Int>(lifetime: Self.memory, capacity: Self.capacity)
    private var names = AgingTable<HMAC<SHA256>.MAC, Int>(lifetime: Self.memory, capacity: Self.capacity)

    private static var memory: Duration { .seconds(600) }
    private static var capacity: Int { 10_000 }
    private static var first: Duration { .milliseconds(250) }
    private static var longest: Duration { .seconds(8) }

    /// How long to wait before the next check: 250 ms after one failure, twice that after the next, 8 s at most.
    /// - Parameter isKnown: Whether the address has proved the name before: others' failures with it count for nothing then.
    func pause(before question: Question, isKnown: Bool, at now: Duration) -> Duration {
        let ofName = isKnown ? 0 : names.value(of: question.name, at: now) ?? 0
        let count = max(addresses.value(of: question.address, at: now) ?? 0, ofName)
        guard count > 0 else { return .zero }
        return min(Self.first * (1 << min(count - 1, 10)), Self.longest)
    }

    mutating func add(_ question: Question, at now: Duration) {
        addresses.set((addresses.value(of: question.address, at: now) ?? 0) + 1, for: question.address, at: now)
        names.set((names.value(of: question.name, at: now) ?? 0) + 1, for: question.name, at: now)
    }

    /// After a right password. Those of the address stay: who has one account could guess at others in between.
    mutating func forgetName(of question: Question) {
        names.remove(question.name)
    }
}
