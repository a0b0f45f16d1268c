/// Undoes DEFLATE (RFC 1951), as far as there is input and room for output at a time.
///
/// Each step takes all bits that it needs or none, so that the input may end anywhere.
struct Inflater {
    private enum Stage {
        case block
        case storedSize
        case stored(Int)
        case counts
        case sizes
        case lengths
        case symbols
        case repetition(length: Int, distance: Int)
        case end
    }

    private var stage = Stage.block
    private var isLast = false
    private var literals = Self.fixedLiterals
    private var distances = Self.fixedDistances
    /// While a block's own codes are read: how many words each has, and the lengths that are known.
    private var counts = (literals: 0, distances: 0, sizes: 0)
    private var lengths: [UInt8] = []
    private var lengthCode = Self.fixedDistances

    /// Whether the last block has ended.
    var isAtEnd: Bool {
        if case .end = stage { true } else { false }
    }

    /// Decodes until the input or the room runs out, or the last block ends.
    mutating func run(_ bits: inout BitReader, into window: inout Window) throws(Damage) {
        while try step(&bits, &window) {}
    }

    /// - Returns: false if it cannot go on.
    private mutating func step(_ bits: inout BitReader, _ window: inout Window) throws(Damage) -> Bool {
        switch stage {
        case .block: return try block(&bits)
        case .storedSize: return try storedSize(&bits)
        case .stored(let left): return stored(left, &bits, &window)
        case .counts: return try readCounts(&bits)
        case .sizes: return try readSizes(&bits)
        case .lengths: return try readLengths(&bits)
        case .symbols: return try symbols(&bits, &window)
        case .repetition(let length, let distance):
            let left = length - (try window.append(length, from: distance))
            stage = left == 0 ? .symbols : .repetition(length: left, distance: distance)
            return left == 0
        case .end: return false
        }
    }

    private mutating func block(_ bits: inout BitReader) throws(Damage) -> Bool {
        guard let head = bits.take(3) else { return false }
        isLast = head & 1 == 1
        switch head >> 1 {
        case 0:
            bits.align()
            stage = .storedSize
        case 1:
            (literals, distances) = (Self.fixedLiterals, Self.fixedDistances)
            stage = .symbols
        case 2: stage = .counts
        default: throw Damage(problem: "a block is of a kind that there is not")
        }
        return true
    }

    private mutating func endBlock() {
        stage = isLast ? .end : .block
    }
}

// Blocks that are stored as they are (RFC 1951 section 3.2.4).
extension Inflater {
    private mutating func storedSize(_ bits: inout BitReader) throws(Damage) -> Bool {
        guard let sizes = bits.take(32) else { return false }
        let size = sizes & 0xffff
        guard size == ~(sizes >> 16) & 0xffff else { throw Damage(problem: "the size of a stored block is wrong") }
        stage = .stored(size)
        return true
    }

    private mutating func stored(_ size: Int, _ bits: inout BitReader, _ window: inout Window) -> Bool {
        var left = size
        while left > 0, window.room > 0, let byte = bits.take(8) {
            window.append(UInt8(truncatingIfNeeded: byte))
            left -= 1
        }
        stage = .stored(left)
        if left == 0 { endBlock() }
        return left == 0
    }
}

// Blocks with codes of their own (RFC 1951 section 3.2.7).
extension Inflater {
    private mutating func readCounts(_ bits: inout BitReader) throws(Damage) -> Bool {
        guard let numbers = bits.take(14) else { return false }
        counts = (numbers & 31 + 257, numbers >> 5 & 31 + 1, numbers >> 10 + 4)
        // The standard has no symbols beyond these.
        guard counts.literals <= 286, counts.distances <= 30 else { throw Damage(problem: "a code has too many words") }
        lengths = []
        stage = .sizes
        return true
    }

    /// The lengths of the words by which the lengths of words are coded.
    private mutating func readSizes(_ bits: inout BitReader) throws(Damage) -> Bool {
        while lengths.count < counts.sizes {
            guard let length = bits.take(3) else { return false }
            lengths.append(UInt8(length))
        }
        var ordered = [UInt8](repeating: 0, count: Self.order.count)
        for (place, length) in zip(Self.order, lengths) { ordered[place] = length }
        lengthCode = try HuffmanCode(ordered[...], mayLackWords: false)
        lengths = []
        stage = .lengths
        return true
    }

    private mutating func readLengths(_ bits: inout BitReader) throws(Damage) -> Bool {
        while lengths.count < counts.literals + counts.distances {
            bits.fill()
            guard let (symbol, length) = try lengthCode.next(in: bits) else { return false }
            let (extra, least) = symbol < 16 ? (0, 1) : Self.repetitions[symbol - 16]
            guard bits.heldCount >= length + extra else { return false }
            let count = least + bits.peek(extra, skipping: length)
            bits.drop(length + extra)
            var repeated = symbol < 16 ? UInt8(symbol) : 0
            if symbol == 16 {
                guard let last = lengths.last else { throw Damage(problem: "a code repeats a length before the first") }
                repeated = last
            }
            lengths += repeatElement(repeated, count: count)
        }
        guard lengths.count == counts.literals + counts.distances else {
            throw Damage(problem: "a code has more lengths than words")
        }
        guard lengths[Self.endOfBlock] > 0 else { throw Damage(problem: "a block has no word for its end") }
        literals = try HuffmanCode(lengths[..<counts.literals], mayLackWords: true)
        distances = try HuffmanCode(lengths[counts.literals...], mayLackWords: true)
        stage = .symbols
        return true
    }

    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    /// Of the symbols from 16 on: the number of extra bits, and the least count.
    private static let repetitions = [(2, 3), (3, 3), (7, 11)]
}

// What is coded (RFC 1951 section 3.2.5).
extension Inflater {
    private mutating func symbols(_ bits: inout BitReader, _ window: inout Window) throws(Damage) -> Bool {
        while window.room > 0 {
            bits.fill()
            guard let (symbol, length) = try literals.next(in: bits) else { return false }
            if symbol < Self.endOfBlock {
                bits.drop(length)
                window.append(UInt8(symbol))
            } else if symbol == Self.endOfBlock {
                bits.drop(length)
                endBlock()
                return true
            } else {
                guard try repetition(symbol, length, &bits) else { return false }
                return true
            }
        }
        return false
    }

    /// - Returns: false if not all of its bits are there.
    private mutating func repetition(
        _ symbol: Int, _ wordLength: Int, _ bits: inout BitReader
    ) throws(Damage) -> Bool {
        let place = symbol - Self.endOfBlock - 1
        guard place < Self.lengthBases.count else { throw Damage(problem: "it has a length that there is not") }
        var used = wordLength
        let length = Self.lengthBases[place] + bits.peek(Self.lengthExtras[place], skipping: used)
        used += Self.lengthExtras[place]
        guard used <= bits.heldCount, let word = try distances.next(in: bits, skipping: used) else { return false }
        guard word.symbol < Self.distanceBases.count else {
            throw Damage(problem: "it has a distance that there is not")
        }
        used += word.length
        let extra = Self.distanceExtras[word.symbol]
        guard used + extra <= bits.heldCount else { return false }
        let distance = Self.distanceBases[word.symbol] + bits.peek(extra, skipping: used)
        bits.drop(used + extra)
        stage = .repetition(length: length, distance: distance)
        return true
    }

    private static let endOfBlock = 256
    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthExtras = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]
    private static let distanceExtras = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]

    private static let fixedLiterals = fixed(
        [(144, 8), (112, 9), (24, 7), (8, 8)].flatMap { [UInt8](repeating: $0.1, count: $0.0) })
    private static let fixedDistances = fixed([UInt8](repeating: 5, count: 32))

    /// A code of section 3.2.6.
    private static func fixed(_ lengths: [UInt8]) -> HuffmanCode {
        do throws(Damage) {
            return try HuffmanCode(lengths[...], mayLackWords: false)
        } catch {
            preconditionFailure("a code of RFC 1951 itself is wrong: \(error.problem)")
        }
    }
}
