import FPFormats

/// The addresses and names outside the public internet that may be fetched from all the same.
public struct AllowList: Sendable, Hashable {
    /// An entry that is neither an address, nor a range of addresses, nor a host name.
    public struct InvalidEntry: Error, Sendable, Hashable {
        /// The entry as it was written.
        public let entry: String
        /// What is wrong with it, and what would be right.
        public let message: String
    }

    private var networks: [Network] = []
    private var names: Set<String> = []

    /// Allows nothing but the public internet.
    public static let none = AllowList()

    private init() {}

    /// Reads entries such as `10.1.0.0/16`, `fd00:1::/64`, `127.0.0.1`, `::1` and `minio.internal`.
    ///
    /// A range allows connections to its addresses, whatever name led there. A name (an exact one; its
    /// subdomains are not meant) allows connections to whatever addresses it resolves to.
    public init(_ entries: [String]) throws(InvalidEntry) {
        for entry in entries {
            if let (address, prefix) = entry.cut(at: "/") {
                networks.append(try Self.network(entry, String(address), prefix))
            } else if let address = IPAddress(entry) {
                networks.append(Network(address, prefix: address.family.width))
            } else if case .name(let name)? = HostName.parse(Array(entry.utf8)) {
                names.insert(HostName.comparable(name))
            } else {
                throw InvalidEntry(
                    entry: entry,
                    message: "is no address (192.0.2.1, ::1), range (10.0.0.0/8) or host name (files.internal)"
                )
            }
        }
    }

    private static func network(
        _ entry: String, _ address: String, _ digits: Substring
    ) throws(InvalidEntry) -> Network {
        guard let address = IPAddress(address) else {
            throw InvalidEntry(entry: entry, message: "has no address before its slash; write it as 10.0.0.0/8")
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let prefix = Int(digits),
            prefix <= address.family.width
        else {
            throw InvalidEntry(
                entry: entry,
                message: "needs a number from 0 to \(address.family.width) behind its slash"
            )
        }
        let network = Network(address, prefix: prefix)
        guard network == network.canonical else {
            throw InvalidEntry(
                entry: entry,
                message: "has bits behind its prefix; the range it is in is \(network.canonical)"
            )
        }
        return network
    }

    func contains(_ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }

    /// Whether a host name, as `HostName.comparable` spells it, is allowed wherever it leads.
    func contains(name: String) -> Bool {
        names.contains(name)
    }
}
