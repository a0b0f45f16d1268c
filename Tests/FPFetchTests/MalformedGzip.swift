import Support

@testable import FPFetch

/// Ways to be no DEFLATE.
enum Malformed: CaseIterable {
    case otherMagic, otherMethod, reservedFlags, kindOfBlock, storedSize, beforeTheBeginning, beforeThisMember
    case lengthSymbol, distanceSymbol, tooManyWords, wrongSum, wrongSize, moreBehind, zlibDictionary, zlibSum, zlibMore
    case overSubscribed, incompleteLengths, noEnd, repeatsNothing, tooManyLengths, wordOfNoCode

    var coding: ContentDecoder.Coding {
        switch self {
        case .zlibDictionary, .zlibSum, .zlibMore: .deflate
        default: .gzip
        }
    }

    var bytes: [UInt8] {
        let good = Gzip.file(Array("hello".utf8))
        var writer = DeflateWriter(behind: Gzip.header)
        switch self {
        case .otherMagic: return [0x1f, 0x8c] + good.dropFirst(2)
        case .otherMethod: return [0x1f, 0x8b, 7] + good.dropFirst(3)
        case .reservedFlags: return [0x1f, 0x8b, 8, 32] + good.dropFirst(4)
        case .kindOfBlock: writer.write(7, bits: 8)
        case .storedSize:
            writer.write(1, bits: 8)
            writer.write(5, bits: 16)
            writer.write(5, bits: 16)
        case .beforeTheBeginning, .beforeThisMember:
            // Of the member before, one byte more than there is in this one.
            if self == .beforeThisMember { writer = DeflateWriter(behind: good + Gzip.header) }
            writer.beginFixed(isLast: true)
            writer.literal(1)
            writer.repeat258(distanceCode: 1)
        case .lengthSymbol:
            writer.beginFixed(isLast: true)
            writer.write(word: 0b1100_0110, bits: 8)
            writer.write(0, bits: 16)
        case .distanceSymbol:
            writer.beginFixed(isLast: true)
            writer.literal(1)
            writer.repeat258(distanceCode: 30)
        case .wrongSum, .wrongSize:
            var changed = good
            changed[changed.count - (self == .wrongSum ? 8 : 4)] ^= 1
            return changed
        case .moreBehind: return good + [0]
        case .zlibDictionary: return [0x78, 0xbb, 0, 0, 0, 0]
        case .zlibSum, .zlibMore:
            writer = DeflateWriter(behind: [0x78, 0x9c])
            writer.stored([1], isLast: true)
            return writer.bytes + (self == .zlibSum ? [0, 2, 0, 1] : [0, 2, 0, 2, 0])
        case .tooManyWords: dynamic(&writer, literals: 31, sizes: [])
        // The code of lengths, in the order 16, 17, 18, 0.
        case .overSubscribed: dynamic(&writer, sizes: [1, 1, 1, 0])
        case .incompleteLengths: dynamic(&writer, sizes: [0, 0, 0, 1])
        case .noEnd:
            // All 258 lengths are 0.
            dynamic(&writer, sizes: [0, 0, 1, 1])
            for extra in [127, 109] {
                writer.write(word: 1, bits: 1)
                writer.write(extra, bits: 7)
            }
        case .repeatsNothing:
            dynamic(&writer, sizes: [1, 0, 0, 1])
            writer.write(word: 1, bits: 1)
            writer.write(0, bits: 2)
        case .tooManyLengths:
            dynamic(&writer, sizes: [0, 0, 1, 1])
            for _ in 0..<2 {
                writer.write(word: 1, bits: 1)
                writer.write(127, bits: 7)
            }
        case .wordOfNoCode:
            // Only the end has a word, 0 in one bit: lengths 0 (256 times), 1, and no distance.
            dynamic(&writer, sizes: [0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
            for extra in [127, 107] {
                writer.write(word: 0b11, bits: 2)
                writer.write(extra, bits: 7)
            }
            writer.write(word: 0, bits: 1)
            writer.write(word: 0b10, bits: 2)
            writer.write(word: 1, bits: 1)
        }
        writer.write(0, bits: 48)
        return writer.bytes
    }

    /// Begins a block with codes of its own: 257 lengths, or more, and one distance.
    private func dynamic(_ writer: inout DeflateWriter, literals: Int = 0, sizes: [Int]) {
        writer.write(1, bits: 1)
        writer.write(2, bits: 2)
        writer.write(literals, bits: 5)
        writer.write(0, bits: 5)
        writer.write(max(0, sizes.count - 4), bits: 4)
        for size in sizes { writer.write(size, bits: 3) }
    }
}
