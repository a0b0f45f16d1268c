import FPFormats

/// A request's query as a form would be read (WHATWG URL, *application/x-www-form-urlencoded parsing*): `+` is a
/// space, a broken percent-encoding stays as it is, and bytes that are not UTF-8 become U+FFFD.
public struct RequestQuery: Sendable, Equatable {
    /// The names and values, in order; a name without `=` has an empty value.
    public let pairs: [(name: String, value: String)]

    /// The value that comes first under `name`, or nil.
    public func first(_ name: String) -> String? {
        pairs.first { $0.name == name }?.value
    }

    /// Every value under `name`, in order.
    public func all(_ name: String) -> [String] {
        pairs.lazy.filter { $0.name == name }.map(\.value)
    }

    /// Whether the two have the same pairs in the same order.
    public static func == (one: RequestQuery, other: RequestQuery) -> Bool {
        one.pairs.elementsEqual(other.pairs) { $0 == $1 }
    }

    /// Takes what follows the question mark of a request target.
    init(encoded: ArraySlice<UInt8>) {
        var pairs: [(name: String, value: String)] = []
        for part in encoded.split(separator: UInt8(ascii: "&")) {
            let equals = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let value = part[equals...].dropFirst()
            pairs.append((Self.text(part[..<equals]), Self.text(value)))
        }
        self.pairs = pairs
    }

    private static func text(_ encoded: ArraySlice<UInt8>) -> String {
        String(decoding: PercentEncoding.decoded(encoded, plusIsSpace: true).bytes, as: UTF8.self)
    }
}
