/// Keeps the smallest of any number of names, in the order of their bytes and in bounded memory.
public struct SmallestNames<Item> {
    @usableFromInline let limit: Int
    @usableFromInline var kept: [(name: [UInt8], item: Item)] = []
    /// Nothing from here on can be among the smallest any more.
    @usableFromInline var ceiling: [UInt8]?

    /// Keeps `limit` names, and room for about twice as many while they come in.
    @inlinable
    public init(limit: Int) { self.limit = limit }

    /// Takes a name into account, with what is known of it.
    @inlinable
    public mutating func insert(_ name: [UInt8], _ item: Item) {
        if let ceiling, !name.lexicographicallyPrecedes(ceiling) { return }
        kept.append((name, item))
        if kept.count >= limit * 2 + 256 { shrink() }
    }

    /// The smallest names, in order.
    @inlinable
    public consuming func sorted() -> [(name: [UInt8], item: Item)] {
        shrink()
        return kept
    }

    @inlinable
    mutating func shrink() {
        kept.sort { $0.name.lexicographicallyPrecedes($1.name) }
        guard kept.count > limit else { return }
        kept.removeLast(kept.count - limit)
        ceiling = kept.last?.name
    }
}
