import FPFormats
import Glibc

/// Decides which hosts and addresses may be talked to.
///
/// The URL is checked before anything is resolved, and every address again at the moment a socket to it is made:
/// whatever a name resolved to a moment ago, and however an address was spelled, only the second check counts.
package struct AddressGuard: Sendable {
    let rules: FetchRules
    /// Whether an address is one of this machine's, asked anew each time: addresses come and go.
    var isOwn: @Sendable (IPAddress) -> Bool = LocalAddresses.contain

    /// A guard by those rules.
    package init(_ rules: FetchRules) {
        self.rules = rules
    }

    /// Why a URL may not be fetched, as far as its text tells; nil if nothing speaks against it yet.
    package func refusal(of url: RemoteURL) -> String? {
        guard rules.schemes.contains(url.scheme) else { return "its scheme is not in fetch.schemes" }
        if let ports = rules.ports, let refusal = Self.refusal(ofPortOf: url, ports) { return refusal }
        switch url.host {
        case .address(let address): return refusal(of: address, for: url)
        case .name(let name): return refusal(ofName: URLHost.comparable(name))
        }
    }

    private static func refusal(ofPortOf url: RemoteURL, _ ports: [PortRange]) -> String? {
        let port = url.port ?? url.scheme.port
        return ports.contains { $0.ports.contains(port) } ? nil : "port \(port) is not in fetch.ports"
    }

    private func refusal(ofName name: String) -> String? {
        if rules.deny.contains(name: name) { return "\(name) is in fetch.deny" }
        if let hosts = rules.hosts, !hosts.contains(name: name), !hosts.hasAddresses {
            return "\(name) is not in fetch.hosts"
        }
        let isLifted =
            rules.allow.contains(name: name) || Self.loopbacks.contains(where: rules.allow.contains(_:))
        return URLHost.isLocalhost(name) && !isLifted ? "\(name) is this machine (RFC 6761)" : nil
    }

    /// Why no connection to an address may be made for a URL that `refusal(of:)` let pass; nil if it may.
    package func refusal(of address: IPAddress, for url: RemoteURL) -> String? {
        let name: String? = if case .name(let name) = url.host { URLHost.comparable(name) } else { nil }
        func isNamed(on list: HostList) -> Bool {
            list.contains(address) || name.map(list.contains(name:)) == true
        }
        // Who is kept from an address is kept from it by every detour.
        let reached = [address] + EmbeddedAddress.all(in: address).map(\.address)
        if reached.contains(where: rules.deny.contains(_:)) { return "\(address) is in fetch.deny" }
        if let hosts = rules.hosts, !isNamed(on: hosts) { return "\(address) is not in fetch.hosts" }
        if isNamed(on: rules.allow) { return nil }
        if rules.ports == nil, let refusal = Self.refusal(ofPortOf: url, FetchRules.webPorts) { return refusal }
        if let kind = SpecialAddresses.kind(of: address) { return "\(address) is \(kind)" }
        // A service that a firewall closes to the world is open to the machine it runs on.
        return reached.contains(where: isOwn) ? "\(address) is an address of this machine" : nil
    }

    private static let loopbacks = [IPAddress(v4: 0x7f00_0001), IPAddress(v6: 1)]
}

/// The addresses of this machine's own network interfaces.
enum LocalAddresses {
    static func contain(_ address: IPAddress) -> Bool {
        var first: UnsafeMutablePointer<ifaddrs>?
        // Where the system does not tell, any may be.
        guard getifaddrs(&first) == 0 else { return true }
        defer { freeifaddrs(first) }
        return sequence(first: first, next: { $0?.pointee.ifa_next })
            .contains { $0?.pointee.ifa_addr.flatMap { IPAddress(UnsafePointer($0)) } == address }
    }
}
