import NIOCore
import ProxyHeaders

extension FuzzTarget {
    /// What a proxy puts in front of a connection: each beginning of a header is the beginning of one, nothing behind a
    /// header changes it, what is none never becomes one, and the wait for the rest has an end.
    static let proxy = FuzzTarget("proxy") { input in
        let bytes = ByteBuffer(bytes: input).readableBytesView
        var seen = ConnectionPreface.incomplete
        for count in 0...min(input.count, ConnectionPreface.longest + 1) {
            let preface = ConnectionPreface(bytes.prefix(count))
            require(seen == .incomplete || preface == seen, "\(seen) became \(preface) with byte \(count)")
            if case .whole(let length, _) = preface, seen == .incomplete {
                require(length == count, "a header of \(length) bytes is whole with \(count)")
            }
            seen = preface
        }
        if input.count > ConnectionPreface.longest { require(seen != .incomplete, "longer than any header") }
        if case .whole(_, let address?) = seen { anew(address) }
    }

    /// The other version says the same.
    private static func anew(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port else { return require(false, "no address") }
        let family = address.protocol == .inet ? "TCP4" : "TCP6"
        let line = ByteBuffer(string: "PROXY \(family) \(host) \(host) \(port) \(port)\r\n")
        require(
            ConnectionPreface(line.readableBytesView) == .whole(length: line.readableBytes, address: address),
            "another address when written anew: \(host) \(port)")
    }
}
