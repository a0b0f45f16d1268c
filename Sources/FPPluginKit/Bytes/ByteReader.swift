/// Decodes what a ``ByteWriter`` encoded, or what came from an untrusted peer. Each read is nil if the bytes end early.
public struct ByteReader {
    @usableFromInline let layout: ByteLayout
    @usableFromInline var left: ArraySlice<UInt8>

    /// Reads from the first byte on.
    @inlinable
    public init(_ bytes: some Collection<UInt8>, _ layout: ByteLayout) {
        self.layout = layout
        left = Array(bytes)[...]
    }

    /// What was not read yet.
    @inlinable public var rest: ArraySlice<UInt8> { left }

    /// Whether all was read. Check it at the end, to refuse input with trailing bytes.
    @inlinable public var isAtEnd: Bool { left.isEmpty }

    /// The next number.
    @inlinable
    public mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
        let size = MemoryLayout<Number>.size
        guard left.count >= size else { return nil }
        defer { left = left.dropFirst(size) }
        let raw = left.withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
        return switch layout.order {
        case .littleEndian: Number(littleEndian: raw)
        case .bigEndian: Number(bigEndian: raw)
        }
    }

    /// The next byte string.
    @inlinable
    public mutating func nextString() -> ArraySlice<UInt8>? {
        let length: Int? =
            switch layout.lengthSize {
            case .two: next(UInt16.self).map { Int($0) }
            case .four: next(UInt32.self).map { Int($0) }
            }
        guard let length, left.count >= length else { return nil }
        defer { left = left.dropFirst(length) }
        return left.prefix(length)
    }

    /// The next byte string as text; nil also if it is no UTF-8.
    @inlinable
    public mutating func nextText() -> String? {
        guard let string = nextString() else { return nil }
        return String(validating: string, as: UTF8.self)
    }
}
