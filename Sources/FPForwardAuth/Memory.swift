/// What was learnt lately, by a key. Bounded: what was not asked for for the longest time goes first.
///
/// Two generations in place of a list in the order of use: when the young one is full, it becomes the old one, and what
/// was in that is forgotten. Between half the bound and all of it is kept.
package struct Memory<Key: Hashable, Value> {
    private var young: [Key: Entry] = [:]
    private var old: [Key: Entry] = [:]
    private let half: Int

    private struct Entry {
        let value: Value
        let expiry: ContinuousClock.Instant
    }

    package init(atMost bound: Int) {
        half = max(1, bound / 2)
    }

    package mutating func value(of key: Key, at now: ContinuousClock.Instant) -> Value? {
        guard let entry = young[key] ?? old[key], entry.expiry > now else { return nil }
        if young[key] == nil { insert(entry, key) }
        return entry.value
    }

    package mutating func keep(_ value: Value, of key: Key, until expiry: ContinuousClock.Instant) {
        insert(Entry(value: value, expiry: expiry), key)
    }

    private mutating func insert(_ entry: Entry, _ key: Key) {
        if young.count >= half, young[key] == nil {
            old = young
            young = [:]
        }
        young[key] = entry
    }
}
