/// A bounded table whose entries are forgotten some time after they were last set.
struct AgingTable<Key: Hashable, Value> {
    private let lifetime: Duration
    private let capacity: Int
    private var entries: [Key: (value: Value, since: Duration)] = [:]

    /// - Parameter capacity: The most entries, at least 2. Where one more is to be set, the older half goes.
    init(lifetime: Duration, capacity: Int) {
        self.lifetime = lifetime
        self.capacity = capacity
    }

    /// The value of a key, if it is not too old.
    func value(of key: Key, at now: Duration) -> Value? {
        guard let (value, since) = entries[key], now - since < lifetime else { return nil }
        return value
    }

    mutating func set(_ value: Value, for key: Key, at now: Duration) {
        if entries.count >= capacity, entries[key] == nil { shrink(at: now) }
        entries[key] = (value, now)
    }

    mutating func remove(_ key: Key) {
        entries[key] = nil
    }

    mutating func removeAll() {
        entries = [:]
    }

    var count: Int { entries.count }

    /// Not one entry at a time, so that the search for old ones is paid for by many new ones.
    private mutating func shrink(at now: Duration) {
        entries = entries.filter { now - $0.value.since < lifetime }
        guard entries.count > capacity / 2 else { return }
        for (key, _) in entries.sorted(by: { $0.value.since < $1.value.since }).prefix(entries.count - capacity / 2) {
            entries[key] = nil
        }
    }
}
