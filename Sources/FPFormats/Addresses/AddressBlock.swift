/// A block of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): those that begin with the same bits.
public struct AddressBlock: Sendable, Hashable {
    /// The first address.
    public let address: IPAddress
    /// How many leading bits all addresses of the block have in common.
    public let prefixLength: Int

    /// The block of all addresses that begin with the first bits of this one.
    public init(_ address: IPAddress, prefixLength: Int) {
        let hostBits = UInt128(address.family.width - prefixLength)
        let first = (address.bits >> hostBits) << hostBits
        self.address =
            switch address.family {
            case .v4: IPAddress(v4: UInt32(truncatingIfNeeded: first))
            case .v6: IPAddress(v6: first)
            }
        self.prefixLength = prefixLength
    }

    /// The block that a text such as `10.0.0.0/8` or `fd00::/8` names; a single address is a block of one.
    ///
    /// - Returns: nil if the text names none, or has bits set beyond the prefix.
    public init?(_ text: String) {
        guard case .success(let block) = Self.parse(text) else { return nil }
        self = block
    }

    /// Reads what ``init(_:)`` reads. A block of IPv4 addresses mapped to IPv6 is the block of those IPv4 addresses.
    public static func parse(_ text: String) -> Result<AddressBlock, Complaint> {
        let parts = text.cut(at: "/")
        let name = parts?.before ?? text[...]
        guard let address = IPAddress(String(name)) else {
            return .failure(Complaint("is not an address or a block such as 10.0.0.0/8 or fd00::/8"))
        }
        guard let digits = parts?.behind else {
            return .success(AddressBlock(address, prefixLength: address.family.width))
        }
        // The length counts the bits of the address as it is written.
        let width = name.has(":") ? IPAddress.Family.v6.width : IPAddress.Family.v4.width
        guard !digits.isEmpty, digits.utf8.allSatisfy(\.isASCIIDigit), let number = Int(digits), number <= width else {
            return .failure(Complaint("must have a number from 0 to \(width) after the slash"))
        }
        let length = max(0, number - (width - address.family.width))
        let block = AddressBlock(address, prefixLength: length)
        guard block.address == address, number >= width - address.family.width else {
            return .failure(Complaint("has bits set beyond its prefix; did you mean \(quoted(block.description))?"))
        }
        return .success(block)
    }

    /// Whether an address belongs to the block. One that is mapped to IPv6 is an IPv4 address, so that no block of IPv6
    /// has it, `::/0` included.
    public func contains(_ candidate: IPAddress) -> Bool {
        candidate.family == address.family
            && (candidate.bits ^ address.bits) >> UInt128(address.family.width - prefixLength) == 0
    }
}

extension AddressBlock: CustomStringConvertible {
    /// `10.0.0.0/8`
    public var description: String { "\(address)/\(prefixLength)" }
}
