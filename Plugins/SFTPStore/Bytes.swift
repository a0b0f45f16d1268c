/// Numbers and byte strings one after the other, big end first, as SSH has them (RFC 4251, section 5).
struct WireWriter {
    private(set) var bytes: [UInt8]

    init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    mutating func append(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// A byte string, with its length before it.
    mutating func append(_ string: some Collection<UInt8>) {
        append(UInt32(truncatingIfNeeded: string.count))
        bytes.append(contentsOf: string)
    }

    mutating func append(_ text: String) { append(text.utf8) }
}

/// Takes them apart again; nil where the bytes end early.
struct WireReader {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { rest = Array(bytes)[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard rest.count >= size else { return nil }
        defer { rest = rest.dropFirst(size) }
        return rest.withUnsafeBytes { Number(bigEndian: $0.loadUnaligned(as: Number.self)) }
    }

    mutating func nextString() -> ArraySlice<UInt8>? {
        guard let count = next(UInt32.self), rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    mutating func nextText() -> String? {
        guard let string = nextString() else { return nil }
        return String(validating: string, as: UTF8.self)
    }
}
