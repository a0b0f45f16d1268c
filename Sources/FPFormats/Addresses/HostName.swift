/// Names of hosts (RFC 1123 section 2.1), in the ASCII form that resolvers and browsers use.
public enum HostName {
    /// Whether the text is such a name, at most 253 bytes long and without a final dot. An IPv4 address is none.
    public static func isValid(_ text: String) -> Bool {
        let labels = text.parts(at: ".")
        guard text.utf8.count <= 253, let last = labels.last else { return false }
        // A name whose last label is a number is an IPv4 address gone wrong.
        return labels.allSatisfy(isLabel) && !last.utf8.allSatisfy(\.isASCIIDigit)
    }

    private static func isLabel(_ label: Substring) -> Bool {
        let hyphen = UInt8(ascii: "-")
        return (1...63).contains(label.utf8.count) && label.utf8.first != hyphen && label.utf8.last != hyphen
            && label.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || $0 == hyphen }
    }
}

/// Hosts that a setting names: a block of addresses, or one host by its name.
public enum HostRule: Sendable, Hashable {
    /// All that have one of these addresses, whatever name led there.
    case addresses(AddressBlock)
    /// The host of this name, in lower case, wherever it is; its subdomains are not meant.
    case name(String)

    /// Reads `10.1.0.0/16`, `fd00:1::/64`, `127.0.0.1`, `::1` and `minio.internal`.
    public static func parse(_ text: String) -> Result<HostRule, Complaint> {
        if HostName.isValid(text) { return .success(.name(text.asciiLowercased())) }
        return AddressBlock.parse(text).map { .addresses($0) }
    }
}

extension HostRule: CustomStringConvertible {
    /// As ``parse(_:)`` reads it.
    public var description: String {
        switch self {
        case .addresses(let block): block.description
        case .name(let name): name
        }
    }
}
