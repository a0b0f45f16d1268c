import FPFormats

/// Hosts that one of the lists of ``FetchRules`` names.
public struct HostList: Sendable, Hashable {
    private var blocks: [AddressBlock] = []
    private var names: Set<TextKey> = []
    private var parents: Set<TextKey> = []

    /// Names no host.
    public static let none = HostList([])

    /// A block names its addresses, whatever host name led there. A name, or what is below it, names whatever addresses
    /// it resolves to.
    public init(_ rules: [HostRule]) {
        for rule in rules {
            switch rule {
            case .addresses(let block): blocks.append(block)
            case .name(let name): names.insert(TextKey(name))
            case .subdomains(let parent): parents.insert(TextKey(parent))
            }
        }
    }

    /// Whether there are addresses on the list, so that a host of another name can still turn out to be on it.
    var hasAddresses: Bool { !blocks.isEmpty }

    func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    /// Whether a host name, as `URLHost.comparable` spells it, is on the list wherever it leads.
    func contains(name: String) -> Bool {
        if names.contains(TextKey(name)) { return true }
        guard !parents.isEmpty else { return false }
        var rest = name[...]
        while let (_, parent) = rest.cut(at: ".") {
            if parents.contains(TextKey(parent)) { return true }
            rest = parent
        }
        return false
    }
}
