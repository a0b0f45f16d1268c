/// A prefix code as DEFLATE has them (RFC 1951 section 3.2.2): known by the lengths of its words alone.
struct HuffmanCode: Sendable {
    /// For each value of the next `width` bits, the symbol times 16 plus the length of its word; 0 where there is none.
    private let table: [UInt16]
    private let width: Int

    static let longest = 15

    /// - Parameters:
    ///   - lengths: of the word of each symbol; 0 if the symbol is not used.
    ///   - mayLackWords: whether there may be no word, or only one, of one bit (RFC 1951 section 3.2.7). Every other code
    ///     must use all its words.
    init(_ lengths: ArraySlice<UInt8>, mayLackWords: Bool) throws(Damage) {
        var counts = [Int](repeating: 0, count: Self.longest + 1)
        for length in lengths { counts[Int(length)] += 1 }
        counts[0] = 0
        let width = max(1, counts.lastIndex { $0 > 0 } ?? 1)

        // The first word of each length, and how many words are free.
        var words = [Int](repeating: 0, count: Self.longest + 1)
        var free = 1
        for length in 1...Self.longest {
            words[length] = (words[length - 1] + counts[length - 1]) << 1
            free = free << 1 - counts[length]
            guard free >= 0 else { throw Damage(problem: "a code has more words than there are") }
        }
        guard free == 0 || mayLackWords && width == 1 else { throw Damage(problem: "a code lacks words") }

        var table = [UInt16](repeating: 0, count: 1 << width)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length)
            // Words come with their most significant bit first.
            var place = Self.reversed(words[length], length)
            words[length] += 1
            while place < table.count {
                table[place] = UInt16(symbol << 4 | length)
                place += 1 << length
            }
        }
        (self.table, self.width) = (table, width)
    }

    /// The symbol whose word comes next behind some bits, and the length of the word; nil if it is not there yet.
    func next(in bits: BitReader, skipping skipped: Int = 0) throws(Damage) -> (symbol: Int, length: Int)? {
        let there = bits.heldCount - skipped
        let entry = Int(table[bits.peek(width, skipping: skipped)])
        guard entry > 0 || there < width else { throw Damage(problem: "it has a word that its code does not have") }
        let length = entry & 15
        return entry > 0 && length <= there ? (entry >> 4, length) : nil
    }

    private static func reversed(_ word: Int, _ length: Int) -> Int {
        (0..<length).reduce(0) { $0 << 1 | word >> $1 & 1 }
    }
}
