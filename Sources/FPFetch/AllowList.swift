import FPFormats

/// The addresses and names outside the public internet that may be fetched from all the same.
public struct AllowList: Sendable, Hashable {
    private var blocks: [AddressBlock] = []
    private var names: Set<String> = []

    /// Allows nothing but the public internet.
    public static let none = AllowList([])

    /// A block allows connections to its addresses, whatever name led there. A name allows connections to whatever
    /// addresses it resolves to.
    public init(_ rules: [HostRule]) {
        for rule in rules {
            switch rule {
            case .addresses(let block): blocks.append(block)
            case .name(let name): names.insert(name)
            }
        }
    }

    func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    /// Whether a host name, as `URLHost.comparable` spells it, is allowed wherever it leads.
    func contains(name: String) -> Bool {
        names.contains(name)
    }
}
