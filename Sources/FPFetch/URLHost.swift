import FPCurl
import FPFormats

/// The host of a URL, once it is known to be one.
enum Host: Hashable, Sendable {
    case address(IPAddress)
    case name(String)
}

/// Reads the host of a URL (RFC 3986 section 3.2.2), more strictly than the RFC and in the one way in which it is
/// then given to libcurl, so that what was checked and what is connected to cannot differ.
enum URLHost {
    /// A host without brackets: an IPv4 address in any of its spellings, or a name; names beyond ASCII become
    /// their A-labels (RFC 5891). Nil for anything that is neither, percent-encoding included.
    static func parse(_ bytes: [UInt8]) -> Host? {
        guard let ascii = bytes.allSatisfy({ $0 < 0x80 }) ? bytes : asciiForm(of: bytes) else { return nil }
        let name = String(decoding: ascii, as: UTF8.self).asciiLowercased()
        var labels = name.parts(at: ".")
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        guard let last = labels.last, name.utf8.count <= 254, labels.allSatisfy(isLabel) else { return nil }

        guard isNumber(last) else { return .name(name) }
        // The WHATWG URL standard's rule: a host that ends in a number is an IPv4 address or nothing.
        return IPAddress(legacyIPv4: labels.joined(separator: ".")).map(Host.address)
    }

    /// A name without the dot that makes it absolute, for comparisons.
    static func comparable(_ name: String) -> String {
        name.without(suffix: ".").map(String.init) ?? name
    }

    /// Whether a name stands for the machine itself by definition (RFC 6761 section 6.3).
    static func isLocalhost(_ name: String) -> Bool {
        let name = comparable(name)
        return name.isSame(as: "localhost") || name.ends(with: ".localhost")
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    private static func isNumber(_ label: Substring) -> Bool {
        if let digits = label.without(prefix: "0x") { return digits.utf8.allSatisfy { $0.hexValue != nil } }
        return label.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    private static func asciiForm(of bytes: [UInt8]) -> [UInt8]? {
        String(validating: bytes, as: UTF8.self).flatMap(InternationalName.asciiForm).map { Array($0.utf8) }
    }
}
