import FPFormats
import Glibc

/// Decides which hosts and addresses may be talked to.
///
/// The URL is checked before anything is resolved, and every address again at the moment a socket to it is made:
/// whatever a name resolved to a moment ago, and however an address was spelled, only the second check counts.
struct AddressGuard: Sendable {
    let allow: AllowList
    /// Whether an address is one of this machine's, asked anew each time: addresses come and go.
    var isOwn: @Sendable (IPAddress) -> Bool = LocalAddresses.contain

    /// Why a URL may not be fetched, as far as its text tells; nil if nothing speaks against it yet.
    func refusal(of url: RemoteURL) -> String? {
        switch url.host {
        case .address(let address):
            return refusal(of: address)
        case .name(let name):
            let isLifted =
                allow.contains(name: URLHost.comparable(name))
                || Self.loopbacks.contains(where: allow.contains(_:))
            return URLHost.isLocalhost(name) && !isLifted ? "\(name) is this machine (RFC 6761)" : nil
        }
    }

    /// Why no connection to an address may be made for a URL, or nil if it may.
    func refusal(of address: IPAddress, for url: RemoteURL) -> String? {
        if case .name(let name) = url.host, allow.contains(name: URLHost.comparable(name)) { return nil }
        return refusal(of: address)
    }

    private func refusal(of address: IPAddress) -> String? {
        if allow.contains(address) { return nil }
        if let kind = SpecialAddresses.kind(of: address) { return "\(address) is \(kind)" }
        // A service that a firewall closes to the world is open to the machine it runs on.
        return isOwn(address) ? "\(address) is an address of this machine" : nil
    }

    private static let loopbacks = [IPAddress(v4: 0x7f00_0001), IPAddress(v6: 1)]
}

/// The addresses of this machine's own network interfaces.
enum LocalAddresses {
    static func contain(_ address: IPAddress) -> Bool {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return false }
        defer { freeifaddrs(first) }
        return sequence(first: first, next: { $0?.pointee.ifa_next })
            .contains { $0?.pointee.ifa_addr.flatMap { IPAddress(UnsafePointer($0)) } == address }
    }
}
