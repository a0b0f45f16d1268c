/// A header field that is a dictionary (RFC 8941, sections 3.2 and 4.2.2), read by its bytes.
enum StructuredDictionary {
    /// What a member says.
    enum Value: Equatable {
        case bytes([UInt8])
        case integer(Int64)
        /// An item of another type.
        case other
    }

    /// Reads all members of a field, over all its lines. Parameters are read and mean nothing.
    /// - Parameter each: given each member's key and value. Of a key that comes twice, the last counts.
    /// - Returns: false if the field is no dictionary of items.
    static func read(
        _ lines: [String], each: (ArraySlice<UInt8>, Value) throws(Complaint) -> Void
    ) throws(Complaint) -> Bool {
        var scanner = Scanner(rest: Array(lines.joined(separator: ", ").utf8)[...])
        _ = scanner.take { $0 == 0x20 }
        while !scanner.rest.isEmpty {
            guard let key = scanner.key() else { return false }
            var value = Value.other
            if scanner.take("=") {
                guard let item = scanner.item() else { return false }
                value = item
            }
            guard scanner.skipParameters() else { return false }
            try each(key, value)
            scanner.skipBlanks()
            if scanner.rest.isEmpty { break }
            guard scanner.take(",") else { return false }
            scanner.skipBlanks()
            // No comma ends a dictionary.
            if scanner.rest.isEmpty { return false }
        }
        return true
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func take(while isTaken: (UInt8) -> Bool) -> ArraySlice<UInt8> {
            let taken = rest.prefix(while: isTaken)
            rest = rest[taken.endIndex...]
            return taken
        }

        mutating func skipBlanks() {
            _ = take { $0 == 0x20 || $0 == 0x09 }
        }

        mutating func key() -> ArraySlice<UInt8>? {
            guard let first = rest.first, first.isASCIISmall || first == UInt8(ascii: "*") else { return nil }
            return take { $0.isASCIISmall || $0.isASCIIDigit || "_-.*".utf8.contains($0) }
        }

        mutating func skipParameters() -> Bool {
            while take(";") {
                _ = take { $0 == 0x20 }
                guard key() != nil, !take("=") || item() != nil else { return false }
            }
            return true
        }

        mutating func item() -> Value? {
            guard let first = rest.first else { return nil }
            switch first {
            case UInt8(ascii: ":"): return byteSequence()
            case UInt8(ascii: "\""): return string()
            case UInt8(ascii: "?"):
                rest.removeFirst()
                return take("0") || take("1") ? .other : nil
            case UInt8(ascii: "-"): return number()
            case _ where first.isASCIIDigit: return number()
            case _ where first.isASCIILetter || first == UInt8(ascii: "*"):
                _ = take { $0.isASCIILetter || $0.isASCIIDigit || "!#$%&'*+-.^_`|~:/".utf8.contains($0) }
                return .other
            default: return nil
            }
        }

        private mutating func byteSequence() -> Value? {
            rest.removeFirst()
            let text = take { $0 != UInt8(ascii: ":") }
            // Section 4.2.7 would also take a text that is not padded. All senders pad, and each digest has one text so.
            guard take(":"), let bytes = Base64.decoded(text) else { return nil }
            return .bytes(bytes)
        }

        private mutating func string() -> Value? {
            rest.removeFirst()
            while let byte = rest.popFirst() {
                switch byte {
                case UInt8(ascii: "\""): return .other
                case UInt8(ascii: "\\"): guard take("\"") || take("\\") else { return nil }
                case 0x20...0x7E: continue
                default: return nil
                }
            }
            return nil
        }

        private mutating func number() -> Value? {
            let isNegative = take("-")
            let digits = take(while: \.isASCIIDigit)
            if take(".") {
                let fraction = take(while: \.isASCIIDigit)
                return (1...12).contains(digits.count) && (1...3).contains(fraction.count) ? .other : nil
            }
            guard (1...15).contains(digits.count) else { return nil }
            let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
            return .integer(isNegative ? -value : value)
        }
    }
}
