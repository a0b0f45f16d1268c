import FPFormats

/// The rules that a key keeps before any plugin sees it (R6 of the plugin contract).
public enum ObjectKey {
    /// The longest key that the contract allows, in bytes of UTF-8. A store may allow less.
    public static let maxBytes = 1024
    /// The longest segment between two slashes, in bytes of UTF-8.
    public static let maxSegmentBytes = 255
    /// The first segment that belongs to plugins.
    public static let reservedSegment = ".fp"

    /// Why a key cannot be used.
    public struct Violation: Error, Sendable, Equatable {
        /// One sentence that says what is wrong with the key.
        public var message: String
    }

    /// Checks a key against R6: 1 to `maxBytes` bytes of UTF-8 in normalization form C, no control character, no
    /// backslash, no leading, trailing or double slash, no `.` or `..` segment, no segment over 255 bytes, and not in
    /// the plugins' own `.fp` namespace.
    /// - Throws: ``Violation`` with the rule that is broken.
    public static func validate(_ key: String, maxBytes: Int = ObjectKey.maxBytes) throws(Violation) {
        var key = key
        let violation = key.withUTF8 { bytes -> String? in
            if bytes.isEmpty { return "the key is empty" }
            if bytes.count > maxBytes { return "the key has \(bytes.count) bytes, the store takes \(maxBytes)" }
            return controlViolation(bytes) ?? segmentViolation(bytes)
        }
        if let violation { throw Violation(message: violation) }
        if !NormalForm.isComposed(key) { throw Violation(message: "the key is not in Unicode normalization form C") }
    }

    private static func controlViolation(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        for (index, byte) in bytes.enumerated() {
            if byte < 0x20 || byte == 0x7F { return "the key has a control character at byte \(index)" }
            if byte == UInt8(ascii: "\\") { return "the key has a backslash at byte \(index)" }
            // U+0080...U+009F are controls too, and are C2 80...C2 9F in UTF-8.
            if byte == 0xC2, index + 1 < bytes.count, bytes[index + 1] < 0xA0 {
                return "the key has a control character at byte \(index)"
            }
        }
        return nil
    }

    private static func segmentViolation(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        let segments = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for segment in segments {
            if segment.isEmpty { return "the key has a leading, trailing or double slash" }
            if segment.count > maxSegmentBytes {
                return "the key has a segment of \(segment.count) bytes, the most is \(maxSegmentBytes)"
            }
            if segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8) {
                return "the key has a segment that is \".\" or \"..\""
            }
        }
        if let first = segments.first, first.elementsEqual(reservedSegment.utf8) {
            return "keys below \"\(reservedSegment)/\" belong to the plugin"
        }
        return nil
    }
}
