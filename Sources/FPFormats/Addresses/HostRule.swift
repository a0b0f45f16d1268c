/// Hosts that a setting names: a block of addresses, one host by its name, or all hosts below a name.
public enum HostRule: Sendable, Hashable {
    /// All that have one of these addresses, whatever name led there.
    case addresses(AddressBlock)
    /// The host of this name, in lower case, wherever it is; its subdomains are not meant.
    case name(String)
    /// The hosts whose names end in a dot and this name, in lower case; the host of the name itself is not meant.
    case subdomains(String)

    /// Reads `10.1.0.0/16`, `fd00:1::/64`, `127.0.0.1`, `::1`, `minio.internal` and `*.example.org`.
    public static func parse(_ text: String) -> Result<HostRule, Complaint> {
        if HostName.isValid(text) { return .success(.name(text.asciiLowercased())) }
        if let parent = text.without(prefix: "*."), HostName.isValid(String(parent)) {
            return .success(.subdomains(parent.asciiLowercased()))
        }
        return AddressBlock.parse(text).map { .addresses($0) }
    }
}

extension HostRule: CustomStringConvertible {
    /// As ``parse(_:)`` reads it.
    public var description: String {
        switch self {
        case .addresses(let block): block.description
        case .name(let name): name
        case .subdomains(let name): "*.\(name)"
        }
    }
}
