import FPPluginAPI

/// The name of an object, checked again on the plugin's side of the boundary (R6).
///
/// 1 to 1024 bytes of UTF-8 in segments of at most 255 bytes, split by single slashes; no control character, no
/// backslash, no segment "." or "..", and never below ".fp", which is the plugin's own.
public struct Key: Hashable, Sendable, CustomStringConvertible {
    /// The key as text.
    public let string: String

    /// Takes `bytes` as a key.
    /// - Throws: `.invalid` with the rule that they break.
    public init(validating bytes: UnsafeRawBufferPointer) throws(PluginError) {
        guard !bytes.isEmpty else { throw PluginError(.invalid, "the key is empty") }
        guard bytes.count <= 1024 else { throw PluginError(.invalid, "the key has more than 1024 bytes") }
        guard let string = String(validating: bytes, as: UTF8.self) else {
            throw PluginError(.invalid, "the key is not valid UTF-8")
        }
        try Self.check(bytes)
        self.string = string
    }

    /// Takes `text` as a key.
    /// - Throws: `.invalid` with the rule that it breaks.
    public init(_ text: String) throws(PluginError) {
        var text = text
        let result = text.withUTF8 { utf8 in
            Result { () throws(PluginError) in try Key(validating: UnsafeRawBufferPointer(utf8)) }
        }
        self = try result.get()
    }

    private static func check(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        var start = 0
        var previous: UInt8 = 0
        for index in bytes.indices {
            let byte = bytes[index]
            switch byte {
            case UInt8(ascii: "/"):
                try checkSegment(bytes, start, index)
                start = index + 1
            case UInt8(ascii: "\\"):
                throw PluginError(.invalid, "the key has a backslash")
            case 0..<0x20, 0x7F:
                throw PluginError(.invalid, "the key has a control character")
            case 0x80...0x9F where previous == 0xC2:
                throw PluginError(.invalid, "the key has a control character")
            default:
                break
            }
            previous = byte
        }
        try checkSegment(bytes, start, bytes.count)
    }

    private static func checkSegment(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int
    ) throws(PluginError) {
        guard end > start else { throw PluginError(.invalid, "the key has an empty segment") }
        guard end - start <= 255 else { throw PluginError(.invalid, "the key has a segment of more than 255 bytes") }
        guard bytes[start] == UInt8(ascii: ".") else { return }
        let rest = bytes[start + 1..<end]
        if rest.isEmpty || rest.elementsEqual(".".utf8) {
            throw PluginError(.invalid, "the key has a segment that is \".\" or \"..\"")
        }
        if start == 0, rest.elementsEqual("fp".utf8) {
            throw PluginError(.invalid, "keys below \".fp\" belong to the plugin")
        }
    }

    /// The key as text.
    public var description: String { string }

    /// By bytes: keys are flat byte strings, whereas strings that look alike are equal to Swift.
    public static func == (left: Key, right: Key) -> Bool { left.string.utf8.elementsEqual(right.string.utf8) }

    /// In step with `==`.
    public func hash(into hasher: inout Hasher) {
        var copy = string
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension fp_str {
    /// The checked key in this string.
    func key() throws(PluginError) -> Key { try Key(validating: bytes) }
}
