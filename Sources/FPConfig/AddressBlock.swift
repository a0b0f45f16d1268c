import FPFormats
import Glibc

/// A block of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).
public struct AddressBlock: Sendable, Hashable {
    /// The first address in network byte order: 4 bytes for IPv4, 16 for IPv6.
    public let address: [UInt8]
    /// How many leading bits all addresses of the block have in common.
    public let prefixLength: Int

    /// The block that a text such as `10.0.0.0/8` or `fd00::/8` names; a single address is a block of one.
    ///
    /// - Returns: nil if the text names none, or has bits set beyond the prefix.
    public init?(_ text: String) {
        guard case .success(let block) = Self.parse(text) else { return nil }
        self = block
    }

    private init(address: [UInt8], prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// Whether an address belongs to the block.
    ///
    /// - Parameter candidate: in network byte order. An IPv4 address mapped to IPv6 (RFC 4291 section 2.5.5.2) counts as
    ///   the IPv4 address that it is.
    public func contains(_ candidate: [UInt8]) -> Bool {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
        if address.count == 4, candidate.count == 16, candidate.starts(with: mapped) {
            return contains(Array(candidate.suffix(4)))
        }
        return candidate.count == address.count && Self.masked(candidate, prefixLength) == address
    }

    static func parse(_ text: String) -> Result<AddressBlock, Complaint> {
        let parts = text.cut(at: "/")
        guard let address = bytes(of: String(parts?.before ?? text[...])) else {
            return .failure(Complaint("is not an address or a block such as 10.0.0.0/8 or fd00::/8"))
        }
        let bits = address.count * 8
        var length = bits
        if let digits = parts?.behind {
            guard !digits.isEmpty, digits.utf8.allSatisfy(\.isASCIIDigit), let number = Int(digits), number <= bits
            else {
                return .failure(Complaint("must have a number from 0 to \(bits) after the slash"))
            }
            length = number
        }
        let first = masked(address, length)
        let block = AddressBlock(address: first, prefixLength: length)
        guard first == address else {
            return .failure(Complaint("has bits set beyond its prefix; did you mean \(quoted(block.description))?"))
        }
        return .success(block)
    }

    /// An IPv4 or IPv6 address in network byte order, or nil if the text is neither.
    static func bytes(of text: String) -> [UInt8]? {
        guard !text.utf8.contains(0) else { return nil }
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }

    private static func masked(_ address: [UInt8], _ length: Int) -> [UInt8] {
        address.enumerated().map { index, byte in
            let kept = Swift.min(Swift.max(length - index * 8, 0), 8)
            return byte & UInt8(truncatingIfNeeded: 0xFF00 >> kept)
        }
    }
}

extension AddressBlock: CustomStringConvertible {
    /// `10.0.0.0/8`
    public var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = address.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, address, &text, socklen_t(text.count)) != nil else { return "/\(prefixLength)" }
        let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "\(name)/\(prefixLength)"
    }
}
