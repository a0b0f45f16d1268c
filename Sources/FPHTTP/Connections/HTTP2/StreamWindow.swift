import Synchronization

/// What a client may send on a stream before it is given more credit (RFC 9113, section 5.2).
///
/// Every stream begins with little, which its channel renews as it is read. A body of known length that is on its way gets
/// a wide window as long as there are few such: what fits a window may have to be held in memory.
struct StreamWindow {
    /// Bytes that every stream may send at first.
    static let initial = 65_535
    /// Bytes of a wide window.
    static let wide = 1 << 20

    /// Bytes that the client has credit for.
    private var size = initial
    private var isWide = false

    /// Bytes were read, with their padding.
    mutating func received(_ count: Int) {
        // The channel has renewed what was left before.
        if size <= Self.initial / 2 { size = Self.initial }
        size -= count
    }

    /// - Parameters:
    ///   - remaining: Bytes of the body still to come. More than there is credit for, so that the client cannot have ended the
    ///     stream: then there must be no more credit.
    ///   - places: How many wide windows there may be.
    /// - Returns: Bytes of credit to give to the client; nil for none.
    mutating func credit(for remaining: Int64, from places: Places) -> Int? {
        guard size < Self.wide / 2, remaining > size else { return nil }
        if !isWide { isWide = places.take() }
        guard isWide else { return nil }
        let credit = Self.wide - max(0, size)
        size = Self.wide
        return credit
    }

    /// No more will come.
    mutating func close(_ places: Places) {
        if isWide { places.giveBack() }
        isWide = false
    }
}

/// A number of something that there may be at a time.
final class Places: Sendable {
    private let limit: Int
    private let taken = Atomic(0)

    init(limit: Int) {
        self.limit = limit
    }

    /// - Returns: Whether there was one left.
    func take() -> Bool {
        guard taken.add(1, ordering: .relaxed).newValue > limit else { return true }
        giveBack()
        return false
    }

    func giveBack() {
        taken.subtract(1, ordering: .relaxed)
    }
}
