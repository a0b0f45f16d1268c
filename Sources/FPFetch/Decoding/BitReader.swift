/// Takes bits off a stream of bytes that comes in pieces, the least significant bit of each byte first (RFC 1951
/// section 3.1.1).
///
/// Bits that were taken off a piece and were not asked for yet stay for the next one.
struct BitReader {
    private var held: UInt64 = 0
    private(set) var heldCount = 0
    private var piece: [UInt8] = []
    private var next = 0

    /// The bits that `fill` has ready at least, if there are so many: more than the longest code of a length and the one
    /// of a distance have, with all their extra bits.
    static let most = 56

    /// Goes on with the next piece, when nothing is left of the last.
    mutating func open(_ piece: [UInt8]) {
        self.piece = piece
        next = 0
    }

    /// How many bytes of the piece are left.
    var left: Int { piece.count - next }

    /// Whether there is nothing to read until the next piece comes.
    var isEmpty: Bool { heldCount == 0 && left == 0 }

    /// Makes bits ready for `peek`.
    mutating func fill() {
        while heldCount <= Self.most, next < piece.count {
            held |= UInt64(piece[next]) << UInt64(heldCount)
            heldCount += 8
            next += 1
        }
    }

    /// The bits behind those that are skipped, without taking them. Zeros stand for those that are not there yet.
    func peek(_ count: Int, skipping skipped: Int = 0) -> Int {
        Int(truncatingIfNeeded: (held >> UInt64(skipped)) & ((1 << UInt64(count)) - 1))
    }

    /// Takes bits that were looked at.
    mutating func drop(_ count: Int) {
        held >>= UInt64(count)
        heldCount -= count
    }

    /// The next bits, at most `most`, or nil if there are not so many yet.
    mutating func take(_ count: Int) -> Int? {
        fill()
        guard heldCount >= count else { return nil }
        defer { drop(count) }
        return peek(count)
    }

    /// Leaves out the rest of a byte that was begun.
    mutating func align() {
        drop(heldCount % 8)
    }
}
