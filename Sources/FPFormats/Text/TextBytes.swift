/// Text from outside, taken by its bytes.
///
/// To Swift a "/" with a combining mark behind it is one Character that is no "/", and two texts that only look alike
/// are equal. A file system, a store and the other end of a connection see bytes. Whatever comes from outside is cut
/// and compared by these functions, at ASCII characters, so that all of them see the same.
///
/// They can be inlined: a request takes dozens of them, and unspecialised ones ask for types at run time.
extension StringProtocol where SubSequence == Substring {
    @inlinable
    var bytes: Substring.UTF8View { self[...].utf8 }

    /// Whether the two are the same bytes.
    @inlinable
    public func isSame(as other: some StringProtocol) -> Bool {
        utf8.elementsEqual(other.utf8)
    }

    /// Whether the text begins with those bytes.
    @inlinable
    public func begins(with prefix: some StringProtocol) -> Bool {
        utf8.starts(with: prefix.utf8)
    }

    /// Whether the text ends with those bytes.
    @inlinable
    public func ends(with suffix: some StringProtocol) -> Bool {
        bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// What follows a prefix; `nil` if the text does not begin with it.
    @inlinable
    public func without(prefix: some StringProtocol) -> Substring? {
        begins(with: prefix) ? self[bytes.index(startIndex, offsetBy: prefix.utf8.count)...] : nil
    }

    /// What is before a suffix; `nil` if the text does not end with it.
    @inlinable
    public func without(suffix: some StringProtocol) -> Substring? {
        ends(with: suffix) ? self[..<bytes.index(endIndex, offsetBy: -suffix.utf8.count)] : nil
    }

    /// Whether an ASCII character is in the text, whatever follows it.
    @inlinable
    public func has(_ ascii: Unicode.Scalar) -> Bool {
        bytes.contains(UInt8(ascii: ascii))
    }

    /// Whether those bytes are in the text.
    @inlinable
    public func holds(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { wanted in
            var rest = bytes[...]
            while rest.count >= wanted.count {
                if rest.starts(with: wanted) { return true }
                rest = rest.dropFirst()
            }
            return false
        }
    }

    /// What is between the ASCII characters that separate, the empty parts included.
    @inlinable
    public func parts(at separator: Unicode.Scalar) -> [Substring] {
        let byte = UInt8(ascii: separator)
        var parts: [Substring] = []
        var start = startIndex
        while let end = bytes[start...].firstIndex(of: byte) {
            parts.append(self[start..<end])
            start = bytes.index(after: end)
        }
        parts.append(self[start...])
        return parts
    }

    /// What is before and behind the first of an ASCII character; `nil` if there is none.
    @inlinable
    public func cut(at separator: Unicode.Scalar) -> (before: Substring, behind: Substring)? {
        guard let place = bytes.firstIndex(of: UInt8(ascii: separator)) else { return nil }
        return (self[..<place], self[bytes.index(after: place)...])
    }

    /// What is before and behind the last of an ASCII character; `nil` if there is none.
    @inlinable
    public func cutAtLast(_ separator: Unicode.Scalar) -> (before: Substring, behind: Substring)? {
        guard let place = bytes.lastIndex(of: UInt8(ascii: separator)) else { return nil }
        return (self[..<place], self[bytes.index(after: place)...])
    }

    /// Without the spaces and tabs at both ends (RFC 9110's OWS).
    @inlinable
    public func trimmingBlanks() -> Substring {
        trimmingASCII { $0 == 0x20 || $0 == 0x09 }
    }

    /// Without the spaces, tabs and ends of lines at both ends.
    @inlinable
    public func trimmingSpace() -> Substring {
        trimmingASCII { $0 == 0x20 || (0x09...0x0D).contains($0) }
    }

    /// - Parameter isDropped: true for bytes of ASCII only.
    @inlinable
    func trimmingASCII(_ isDropped: (UInt8) -> Bool) -> Substring {
        let bytes = self.bytes
        var (start, end) = (startIndex, endIndex)
        while start < end, isDropped(bytes[start]) { start = bytes.index(after: start) }
        while start < end {
            let last = bytes.index(before: end)
            guard isDropped(bytes[last]) else { break }
            end = last
        }
        return self[start..<end]
    }

    /// With small letters in the place of A to Z, and nothing else changed: words of a protocol are compared so. To
    /// Swift the Kelvin sign is a capital K.
    @inlinable
    public func asciiLowercased() -> String {
        var text = String(self)
        let lowercased: String? = text.withUTF8 { bytes in
            guard bytes.contains(where: isASCIICapital) else { return nil }
            return String(unsafeUninitializedCapacity: bytes.count) { target in
                for (index, byte) in bytes.enumerated() {
                    target.initializeElement(at: index, to: isASCIICapital(byte) ? byte | 0x20 : byte)
                }
                return bytes.count
            }
        }
        return lowercased ?? text
    }
}

@inlinable
func isASCIICapital(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }

/// A text as the key of a dictionary or the element of a set, equal by its bytes. A String is equal to all that are
/// canonically equivalent.
public struct TextKey: Hashable, Sendable {
    /// The text.
    public let text: String

    /// The key for a text.
    public init(_ text: some StringProtocol) { self.text = String(text) }

    /// By bytes.
    public static func == (one: TextKey, other: TextKey) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

    /// Consistent with `==`.
    public func hash(into hasher: inout Hasher) {
        var copy = text
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension TextKey: ExpressibleByStringLiteral {
    /// The key for a text of the program's own.
    public init(stringLiteral text: String) { self.init(text) }
}
