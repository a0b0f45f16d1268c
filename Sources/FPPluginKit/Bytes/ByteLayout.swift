/// How numbers and byte strings stand in a token, a record or a packet: the order of a number's bytes, and the number
/// that says how long a string is.
public struct ByteLayout: Sendable {
    /// Which byte of a number comes first.
    public enum Order: Sendable {
        /// The least significant.
        case littleEndian
        /// The most significant.
        case bigEndian
    }

    /// How many bytes the length of a string takes.
    public enum LengthSize: Sendable {
        /// For strings of at most 65,535 bytes.
        case two
        /// For strings of at most 4 GiB - 1.
        case four
    }

    /// Which byte of a number comes first.
    public let order: Order
    /// How many bytes the length of a string takes.
    public let lengthSize: LengthSize

    /// Describes a layout.
    public init(_ order: Order, lengthSize: LengthSize) {
        self.order = order
        self.lengthSize = lengthSize
    }
}
