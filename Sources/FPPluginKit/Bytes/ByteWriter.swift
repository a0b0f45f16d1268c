/// Puts numbers and byte strings one after the other. ``ByteReader`` takes them apart.
public struct ByteWriter {
    @usableFromInline let layout: ByteLayout
    @usableFromInline var written: [UInt8]

    /// Begins with nothing, and room for `capacity` bytes.
    @inlinable
    public init(_ layout: ByteLayout, capacity: Int = 64) {
        self.layout = layout
        written = []
        written.reserveCapacity(capacity)
    }

    /// What was written so far.
    @inlinable public var bytes: [UInt8] { written }

    /// Writes a number, in as many bytes as its type has.
    @inlinable
    public mutating func append(_ number: some FixedWidthInteger) {
        let ordered =
            switch layout.order {
            case .littleEndian: number.littleEndian
            case .bigEndian: number.bigEndian
            }
        withUnsafeBytes(of: ordered) { written.append(contentsOf: $0) }
    }

    /// Writes a byte string, with its length before it. One that is longer than the layout's lengths can say cannot be
    /// read again: what others make up, such as an id that a service gave, is to be measured first.
    @inlinable
    public mutating func append(_ string: some Collection<UInt8>) {
        switch layout.lengthSize {
        case .two: append(UInt16(truncatingIfNeeded: string.count))
        case .four: append(UInt32(truncatingIfNeeded: string.count))
        }
        written.append(contentsOf: string)
    }

    /// Writes a text as a byte string in UTF-8.
    @inlinable
    public mutating func append(_ text: String) { append(text.utf8) }
}
