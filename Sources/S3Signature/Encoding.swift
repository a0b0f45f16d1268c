import FPFormats

/// Percent-encoding as S3 signs and sends it.
extension PercentEncoding {
    /// Encodes text for a path, or for a name or value of a query: everything but unreserved characters, in upper-case
    /// digits.
    package static func encode(_ text: String, keepingSlashes: Bool) -> String {
        encoded(text.utf8) { isUnreserved($0) || keepingSlashes && $0 == UInt8(ascii: "/") }
    }

    /// Takes "%xx" apart, and "+" for a space, as lists with `encoding-type=url` have keys; the text itself if it is
    /// not well-formed.
    package static func decode(_ text: String) -> String {
        let (bytes, isBroken) = decoded(text.utf8, plusIsSpace: true)
        return isBroken ? text : String(decoding: bytes, as: UTF8.self)
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
