public import NIOCore

/// What the server reads in front of a connection from a proxy.
public enum ConnectionPreface: Equatable {
    /// Not all of a header.
    case incomplete
    /// No header.
    case malformed
    /// A header of so many bytes, and the client's address in it, if there is one.
    case whole(length: Int, address: SocketAddress?)

    /// What no header can be longer than.
    public static let longest = ProxyHeader.longest

    /// Reads the header that the bytes begin with.
    public init(_ bytes: ByteBufferView) {
        self =
            switch ProxyHeader(bytes) {
            case .incomplete: .incomplete
            case .malformed: .malformed
            case .whole(let length, .address(let address)): .whole(length: length, address: address)
            case .whole(let length, .proxy), .whole(let length, .unknown): .whole(length: length, address: nil)
            }
    }
}
