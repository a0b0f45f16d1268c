import FPFormats
import HTTPTypes
import NIOCore

/// The peers that are trusted to name the client: reverse proxies, by address.
///
/// Only from them do `X-Forwarded-For` and `X-Request-ID` count; anybody else could write anything there.
public struct TrustedProxies: Sendable, Equatable {
    private let blocks: [AddressBlock]

    /// Trusts nobody.
    public static let none = TrustedProxies([])

    /// Trusts whoever has an address of one of these blocks.
    public init(_ blocks: [AddressBlock]) {
        self.blocks = blocks
    }

    func trusts(_ peer: SocketAddress?) -> Bool {
        guard !blocks.isEmpty else { return false }
        return peer?.ipAddress.flatMap { IPAddress($0) }.map(trusts) ?? false
    }

    private func trusts(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    /// The nearest address that no trusted proxy has: what the outermost of them saw.
    func client(of peer: SocketAddress?, _ headers: HTTPFields) -> String {
        var nearest = peer?.ipAddress ?? "unix"
        guard trusts(peer) else {
            return nearest
        }
        for hop in headers.list(.xForwardedFor).reversed() {
            guard let (text, address) = Self.address(hop) else {
                return nearest
            }
            nearest = text
            if !trusts(address) {
                return nearest
            }
        }
        return nearest
    }

    /// An address as proxies write it: bare, with a port, or in brackets.
    private static func address(_ hop: Substring) -> (text: String, address: IPAddress)? {
        var text = hop
        if let inside = text.without(prefix: "["), let (literal, _) = inside.cut(at: "]") {
            text = literal
        } else if text.has("."), let (bare, _) = text.cut(at: ":") {
            text = bare
        }
        let name = String(text)
        return IPAddress(name).map { (name, $0) }
    }
}
