/// Percent-encoding as S3 signs it: everything but RFC 3986's unreserved characters, in upper-case digits.
package enum PercentEncoding {
    /// Encodes text for a path, or for a name or value of a query.
    package static func encode(_ text: String, keepingSlashes: Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isUnreserved(byte) || (keepingSlashes && byte == UInt8(ascii: "/")) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// Takes "%xx" apart, and "+" for a space, as lists with `encoding-type=url` have keys; the text itself if it is
    /// not well-formed.
    package static func decode(_ text: String) -> String {
        var decoded: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                let pair = String(decoding: rest.prefix(2), as: UTF8.self)
                guard pair.utf8.count == 2, let value = UInt8(pair, radix: 16) else { return text }
                decoded.append(value)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+"): decoded.append(UInt8(ascii: " "))
            default: decoded.append(byte)
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }
}

/// The parameters of a query in the order that a signature wants: by encoded name, then by encoded value.
package struct Query {
    private var items: [(name: String, value: String)] = []

    /// Takes names and values as they are, not encoded.
    package init(_ items: KeyValuePairs<String, String> = [:]) {
        for item in items { add(item.key, item.value) }
    }

    /// Adds a parameter, of which there may be several of one name.
    package mutating func add(_ name: String, _ value: String) { items.append((name, value)) }

    /// The query as it is both signed and sent.
    package var canonical: String {
        func encode(_ text: String) -> String { PercentEncoding.encode(text, keepingSlashes: false) }
        return items.map { (name: Array(encode($0.name).utf8), value: Array(encode($0.value).utf8)) }
            .sorted {
                $0.name == $1.name
                    ? $0.value.lexicographicallyPrecedes($1.value) : $0.name.lexicographicallyPrecedes($1.name)
            }
            .map { String(decoding: $0.name + [UInt8(ascii: "=")] + $0.value, as: UTF8.self) }
            .joined(separator: "&")
    }
}
