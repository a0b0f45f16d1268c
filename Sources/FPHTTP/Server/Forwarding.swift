import FPFormats
import HTTPTypes

/// Where a request comes from, by what the trusted proxies in front say of it.
struct Forwarding: Equatable {
    /// A client that a proxy does not or cannot name. It is no address, so that it is in no network.
    static let unknown = "unknown"

    /// The nearest end that is no trusted proxy: its address, or what the outermost trusted proxy calls it.
    private(set) var client: String
    /// `http` or `https`, as the client asked the outermost trusted proxy; nil if nothing is said of it.
    private(set) var scheme: String?
    /// The host, perhaps with a port, that the client asked the outermost trusted proxy for; nil if nothing is said of it.
    private(set) var host: String?

    init(of peer: Peer, _ headers: HTTPFields, trusting proxies: TrustedProxies, by fields: ForwardingFields) {
        client = peer.name
        guard peer.isTrusted else { return }
        switch fields {
        case .xForwarded: follow(Self.hops(xForwarded: headers), proxies)
        case .forwarded: followForwarded(headers, proxies)
        }
    }

    /// One step of a request's way, as the proxy that it led to describes it.
    private struct Hop {
        var node: ForwardedNode
        var scheme: String?
        var host: String?
    }

    /// Line by line from the nearest. What is before a client that is no proxy is the client's own, and may be anything.
    private mutating func followForwarded(_ headers: HTTPFields, _ proxies: TrustedProxies) {
        for line in headers[values: .forwarded].reversed() {
            guard let elements = ForwardedElement.list(line) else {
                self = Forwarding(unknown: ())
                return
            }
            let hops = elements.map { Hop(node: $0.source, scheme: $0.scheme, host: $0.host) }
            guard follow(hops, proxies) else { return }
        }
    }

    private init(unknown: ()) { client = Self.unknown }

    /// - Parameter hops: In the order of the way, the nearest last.
    /// - Returns: Whether all of them are trusted, so that what is before them counts.
    @discardableResult
    private mutating func follow(_ hops: [Hop], _ proxies: TrustedProxies) -> Bool {
        for hop in hops.reversed() {
            client = hop.node.name
            scheme = hop.scheme
            host = hop.host
            guard case .address(let address) = hop.node, proxies.trusts(address) else { return false }
        }
        return true
    }

    /// The two other fields have a value for each hop, or one for all, as the proxies are set up.
    private static func hops(xForwarded headers: HTTPFields) -> [Hop] {
        let schemes = headers.list(.xForwardedProto).map { ForwardedElement.scheme($0) }
        let hosts = headers.list(.xForwardedHost).map { ForwardedElement.host($0) }
        let nodes = headers.list(.xForwardedFor).map { ForwardedNode(xForwarded: $0) }
        return nodes.enumerated().map { index, node in
            let fromEnd = nodes.count - index
            return Hop(node: node, scheme: nth(fromEnd, schemes), host: nth(fromEnd, hosts))
        }
    }

    private static func nth(_ fromEnd: Int, _ values: [String?]) -> String? {
        values.isEmpty ? nil : values[max(0, values.count - fromEnd)]
    }
}
