import FPFormats
import NIOCore

/// The header that a proxy puts before the first byte of a connection, to say whose it is (HAProxy's PROXY protocol,
/// versions 1 and 2).
enum ProxyHeader: Equatable {
    /// Not all of it is there.
    case incomplete
    /// What is there cannot become one.
    case malformed
    /// Its length in bytes, and what it says.
    case whole(length: Int, Client)

    enum Client: Equatable {
        /// The proxy itself, which looks whether the server is well.
        case proxy
        /// Somebody of whom the header says no address.
        case unknown
        case address(SocketAddress)
    }

    /// Version 1 is one line of at most so many bytes, its end included (section 2.1).
    private static let longestLine = 107
    /// What may follow the 16 bytes at the beginning of version 2. Proxies send some hundred bytes of extensions at most.
    private static let longestRest = 4096
    /// What no header can be longer than.
    static let longest = 16 + longestRest

    private static let line = Array("PROXY ".utf8)
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// Reads the header that the bytes begin with.
    init(_ bytes: ByteBufferView) {
        if bytes.starts(with: Self.line) {
            self = Self.version1(Array(bytes.prefix(Self.longestLine)))
        } else if bytes.starts(with: Self.signature) {
            self = Self.version2(bytes)
        } else if Self.line.starts(with: bytes) || Self.signature.starts(with: bytes) {
            self = .incomplete
        } else {
            self = .malformed
        }
    }

    private static func version1(_ bytes: [UInt8]) -> ProxyHeader {
        guard let end = bytes.firstIndex(of: 0x0A) else {
            return bytes.count < longestLine ? .incomplete : .malformed
        }
        guard bytes[end - 1] == 0x0D else { return .malformed }
        let words = String(decoding: bytes[..<(end - 1)], as: UTF8.self).parts(at: " ")
        if words[1] == "UNKNOWN" { return .whole(length: end + 1, .unknown) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
            words[2].has(":") == (words[1] == "TCP6"), words[3].has(":") == (words[1] == "TCP6"),
            IPAddress(String(words[3])) != nil, let source = IPAddress(String(words[2])),
            let number = port(words[4]), port(words[5]) != nil,
            let address = try? SocketAddress(ipAddress: source.description, port: number)
        else { return .malformed }
        return .whole(length: end + 1, .address(address))
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.allSatisfy(\.isASCIIDigit), text == "0" || !text.begins(with: "0") else { return nil }
        return UInt16(text).map { Int($0) }
    }

    private static func version2(_ bytes: ByteBufferView) -> ProxyHeader {
        let start = Array(bytes.prefix(16))
        guard start.count == 16 else { return .incomplete }
        let (command, family) = (start[12], start[13])
        let rest = Int(start[14]) << 8 | Int(start[15])
        guard command == 0x20 || command == 0x21, rest <= longestRest else { return .malformed }
        let isLocal = command == 0x20
        // What the addresses take: of TCP over IPv4 and IPv6, and of Unix sockets. A local connection's are ignored.
        let needed: Int? =
            switch family {
            case 0x00: 0
            case 0x11: 12
            case 0x21: 36
            case 0x31: 216
            default: isLocal ? 0 : nil
            }
        guard let needed, isLocal || rest >= needed else { return .malformed }
        guard bytes.count >= 16 + rest else { return .incomplete }
        let length = 16 + rest
        if isLocal { return .whole(length: length, .proxy) }
        guard family == 0x11 || family == 0x21 else { return .whole(length: length, .unknown) }
        let addresses = Array(bytes.dropFirst(16).prefix(needed))
        let size = (needed - 4) / 2
        let number = addresses[..<size].reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        let source = size == 4 ? IPAddress(v4: UInt32(number)) : IPAddress(v6: number)
        let port = Int(addresses[2 * size]) << 8 | Int(addresses[2 * size + 1])
        guard let address = try? SocketAddress(ipAddress: source.description, port: port) else { return .malformed }
        return .whole(length: length, .address(address))
    }
}
