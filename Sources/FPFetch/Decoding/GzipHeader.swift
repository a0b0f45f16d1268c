/// The header of a gzip member (RFC 1952 section 2.3), byte by byte. Nothing of it is kept.
struct GzipHeader {
    private enum Part {
        case fixed
        case extraSize
        case extra(Int)
        case text(Field)
        case check
        case end
    }

    private enum Field: UInt8 {
        case check = 2
        case extra = 4
        case name = 8
        case comment = 16

        static let reserved: UInt8 = 0xe0
    }

    private var part = Part.fixed
    /// The bytes of a part of fixed size so far.
    private var seen: [UInt8] = []
    private var flags: UInt8 = 0
    private var checksum = Checksum.emptyCRC32

    /// Takes the next byte.
    /// - Returns: whether it was the last.
    mutating func take(_ byte: UInt8) throws(Damage) -> Bool {
        let soFar = checksum.value
        checksum.add(CollectionOfOne(byte))
        switch part {
        case .fixed:
            seen.append(byte)
            guard seen.elementsEqual(Self.magic.prefix(seen.count)) || seen.count > Self.magic.count else {
                throw Damage(problem: "it is not gzip")
            }
            if seen.count == 10 {
                flags = seen[3]
                guard flags & Field.reserved == 0 else { throw Damage(problem: "it has flags that are reserved") }
                go(behind: nil)
            }
        case .extraSize:
            seen.append(byte)
            if seen.count == 2 { go(toExtra: Int(seen[0]) | Int(seen[1]) << 8) }
        case .extra(let left):
            go(toExtra: left - 1)
        case .text(let field):
            if byte == 0 { go(behind: field) }
        case .check:
            seen.append(byte)
            if seen.count == 1 { checksum = .crc32(soFar) }
            if seen.count == 2 {
                guard UInt32(seen[0]) | UInt32(seen[1]) << 8 == soFar & 0xffff else {
                    throw Damage(problem: "the checksum of its header is wrong")
                }
                part = .end
            }
        case .end: break
        }
        if case .end = part { return true }
        return false
    }

    private mutating func go(toExtra left: Int) {
        if left > 0 { part = .extra(left) } else { go(behind: .extra) }
    }

    /// Goes to the first part behind one that there is.
    private mutating func go(behind field: Field?) {
        seen = []
        let order: [Field] = [.extra, .name, .comment, .check]
        let rest = field.flatMap(order.firstIndex(of:)).map { order[($0 + 1)...] } ?? order[...]
        switch rest.first(where: { flags & $0.rawValue > 0 }) {
        case .extra: part = .extraSize
        case .check: part = .check
        case let text?: part = .text(text)
        case nil: part = .end
        }
    }

    /// And the only method of compression.
    private static let magic: [UInt8] = [0x1f, 0x8b, 8]
}
