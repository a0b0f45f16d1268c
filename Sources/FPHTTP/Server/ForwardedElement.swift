import FPFormats

/// An end of a connection as a proxy names it.
enum ForwardedNode: Equatable {
    case address(IPAddress)
    /// `unknown`, or a name that the proxy made up to hide it.
    case hidden(String)

    var name: String {
        switch self {
        case .address(let address): address.description
        case .hidden(let name): name
        }
    }

    static let unknown = ForwardedNode.hidden(Forwarding.unknown)

    /// As proxies write it in `X-Forwarded-For`: bare, with a port, or in brackets.
    init(xForwarded text: Substring) {
        var bare = text
        if let inside = text.without(prefix: "["), let (literal, _) = inside.cut(at: "]") {
            bare = literal
        } else if text.has("."), let (address, _) = text.cut(at: ":"), !text.begins(with: ":") {
            bare = address
        }
        self = (IPAddress(String(bare)) ?? IPAddress(String(text))).map { .address($0) } ?? .unknown
    }

    /// As RFC 7239 has it (section 6); nil if it is nothing of that.
    init?(_ text: Substring) {
        if let inside = text.without(prefix: "[") {
            guard let (literal, rest) = inside.cut(at: "]"), Self.isPort(rest), IPAddress.isIPv6(String(literal)),
                let address = IPAddress(String(literal))
            else { return nil }
            self = .address(address)
            return
        }
        let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) ?? text.endIndex
        let name = String(text[..<colon])
        guard Self.isPort(text[colon...]) else { return nil }
        if name.asciiLowercased() == Forwarding.unknown {
            self = .unknown
        } else if name.begins(with: "_"), Self.isObfuscated(name.utf8) {
            self = .hidden(name)
        } else if let address = IPAddress(name) {
            self = .address(address)
        } else {
            return nil
        }
    }

    /// Nothing, or a colon with a port, which may be made up too.
    private static func isPort(_ text: Substring) -> Bool {
        guard !text.isEmpty else { return true }
        guard let port = text.without(prefix: ":") else { return false }
        if port.begins(with: "_") { return isObfuscated(port.utf8) }
        return (1...5).contains(port.utf8.count) && port.utf8.allSatisfy(\.isASCIIDigit)
    }

    /// An underscore, and what may follow it: at most 64 bytes, as it goes into every log line.
    private static func isObfuscated(_ bytes: some Collection<UInt8>) -> Bool {
        (2...64).contains(bytes.count)
            && bytes.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "._-".utf8.contains($0) }
    }
}

/// One element of `Forwarded` (RFC 7239, section 4): what one proxy says of the request that it got.
struct ForwardedElement: Equatable {
    /// Who sent it: `for`.
    private(set) var source = ForwardedNode.unknown
    /// `proto`, if it is one of HTTP's.
    private(set) var scheme: String?
    /// `host`, if it can be one.
    private(set) var host: String?

    /// `http` or `https`, whatever the case; nil for anything else.
    static func scheme(_ text: Substring) -> String? {
        switch text.asciiLowercased() {
        case "http": "http"
        case "https": "https"
        default: nil
        }
    }

    /// A host, perhaps with a port; nil for anything else.
    static func host(_ text: Substring) -> String? {
        Origin.isAuthority(text) ? String(text) : nil
    }

    /// The elements of one line.
    /// - Returns: nil if the line is no list of them. Where one is broken, there is no telling where the next begins: a
    ///   client that leaves a quotation mark open would swallow what the proxy adds.
    static func list(_ line: String) -> [ForwardedElement]? {
        var reader = ForwardedReader(Array(line.utf8))
        return reader.elements()
    }

    /// - Returns: Whether the value is one that the parameter may have.
    fileprivate mutating func set(_ name: String, _ value: String) -> Bool {
        switch name {
        case "for":
            guard let node = ForwardedNode(value[...]) else { return false }
            source = node
        case "proto": scheme = Self.scheme(value[...])
        case "host": host = Self.host(value[...])
        // `by`, and extensions.
        default: break
        }
        return true
    }
}

/// Reads the grammar of `Forwarded`, by bytes.
private struct ForwardedReader {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func elements() -> [ForwardedElement]? {
        var elements: [ForwardedElement] = []
        repeat {
            skipBlanks()
            // A list may have empty elements (RFC 9110, section 5.6.1.2).
            guard next != nil, next != UInt8(ascii: ",") else { continue }
            guard let element = element() else { return nil }
            elements.append(element)
            skipBlanks()
        } while take(",")
        return next == nil ? elements : nil
    }

    private mutating func element() -> ForwardedElement? {
        var element = ForwardedElement()
        var names: Set<String> = []
        repeat {
            skipBlanks()
            guard next.map(Self.isToken) ?? false else { continue }
            let name = token().asciiLowercased()
            guard names.insert(name).inserted, take("="), let value = value(), element.set(name, value) else {
                return nil
            }
            skipBlanks()
        } while take(";")
        return element
    }

    private mutating func value() -> String? {
        guard take("\"") else {
            let token = token()
            return token.isEmpty ? nil : token
        }
        var content: [UInt8] = []
        while let byte = next {
            index += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: content, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") {
                guard let escaped = next else { return nil }
                index += 1
                content.append(escaped)
            } else {
                content.append(byte)
            }
        }
        return nil
    }

    private mutating func token() -> String {
        let start = index
        while let byte = next, Self.isToken(byte) { index += 1 }
        return String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while next == 0x20 || next == 0x09 { index += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        index += 1
        return true
    }

    /// RFC 9110, section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}
