import FPFormats
import Glibc
import HTTPTypes
import NIOCore

/// The peers whose word about the client is taken: reverse proxies, by address.
///
/// Only from them do `X-Forwarded-For` and `X-Request-ID` count; from anybody else they are what anybody can write.
public struct TrustedProxies: Sendable, Equatable {
    private struct Network: Sendable, Equatable {
        /// 16 bytes; IPv4 in its mapped form.
        let prefix: [UInt8]
        let bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            let whole = bits / 8
            guard prefix[..<whole] == address[..<whole] else {
                return false
            }
            let rest = bits % 8
            return rest == 0 || (prefix[whole] ^ address[whole]) >> (8 - rest) == 0
        }
    }

    private let networks: [Network]
    private let unixSockets: Bool

    /// Trusts nobody.
    public static let none = TrustedProxies()

    private init() {
        networks = []
        unixSockets = false
    }

    /// Reads addresses and networks such as `10.0.0.0/8` or `::1`, and `unix` for whoever comes by a Unix socket.
    public init(_ texts: [String]) throws(ListenAddress.Invalid) {
        var networks: [Network] = []
        var unixSockets = false
        for text in texts {
            if text == "unix" {
                unixSockets = true
                continue
            }
            let network = text.cut(at: "/")
            guard let address = Self.bytes(String(network?.before ?? text[...])) else {
                throw .init(description: "\"\(text)\" is no IP address or network; write 10.0.0.0/8, ::1 or unix")
            }
            let width = text.has(":") ? 128 : 32
            guard let bits = network.map({ Int($0.behind) }) ?? width, (0...width).contains(bits) else {
                throw .init(description: "\"\(text)\" needs a prefix length of 0 to \(width)")
            }
            networks.append(Network(prefix: address, bits: 128 - width + bits))
        }
        self.networks = networks
        self.unixSockets = unixSockets
    }

    func trusts(_ peer: SocketAddress?) -> Bool {
        guard let peer else {
            return unixSockets
        }
        return peer.ipAddress.map(trusts) ?? unixSockets
    }

    private func trusts(_ address: String) -> Bool {
        guard !networks.isEmpty, let bytes = Self.bytes(address) else {
            return false
        }
        return networks.contains { $0.contains(bytes) }
    }

    /// The nearest address that no trusted proxy has: what the outermost of them saw.
    func client(of peer: SocketAddress?, _ headers: HTTPFields) -> String {
        var nearest = peer?.ipAddress ?? "unix"
        guard trusts(peer) else {
            return nearest
        }
        for hop in headers.list(.xForwardedFor).reversed() {
            guard let address = Self.address(hop) else {
                return nearest
            }
            nearest = address
            if !trusts(address) {
                return nearest
            }
        }
        return nearest
    }

    /// An address as proxies write it: bare, with a port, or in brackets.
    private static func address(_ hop: Substring) -> String? {
        var text = hop
        if let inside = text.without(prefix: "["), let (literal, _) = inside.cut(at: "]") {
            text = literal
        } else if text.has("."), let (bare, _) = text.cut(at: ":") {
            text = bare
        }
        let address = String(text)
        return bytes(address) == nil ? nil : address
    }

    private static func bytes(_ address: String) -> [UInt8]? {
        var v4 = in_addr()
        if inet_pton(AF_INET, address, &v4) == 1 {
            let mapped: [UInt8] = Array(repeating: 0, count: 10) + [0xFF, 0xFF]
            return mapped + withUnsafeBytes(of: v4) { Array($0) }
        }
        var v6 = in6_addr()
        if inet_pton(AF_INET6, address, &v6) == 1 {
            return withUnsafeBytes(of: v6) { Array($0) }
        }
        return nil
    }
}
