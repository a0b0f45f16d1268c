import FPFormats

/// What a `Range` field asks of a file of known size (RFC 9110, section 14).
public enum ByteRange: Sendable, Equatable {
    /// Everything: there is no field, or one that is to be ignored. That is the case for several ranges too: a server
    /// may answer them with the whole (section 14.2), and the clients of this server gain nothing by a multipart answer.
    case whole
    /// These bytes, at least one.
    case part(Range<UInt64>)
    /// None of the file's bytes.
    case unsatisfiable

    /// Reads the lines of a `Range` field.
    public init(_ lines: [String], size: UInt64) {
        guard lines.count == 1, let (unit, ranges) = lines[0].cut(at: "="), unit.asciiLowercased() == "bytes" else {
            self = .whole
            return
        }
        let set = ranges.parts(at: ",").map { $0.trimmingBlanks() }.filter { !$0.isEmpty }
        guard set.count == 1 else {
            self = .whole
            return
        }
        self = Self.single(set[0], size: size)
    }

    private static func single(_ text: Substring, size: UInt64) -> ByteRange {
        guard let (first, last) = text.cut(at: "-") else { return .whole }
        guard (first + last).utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return .whole }
        if first.isEmpty {
            guard !last.isEmpty else { return .whole }
            let count = saturated(last)
            guard count > 0 else { return .unsatisfiable }
            // The last bytes of an empty file are all of it, which no 206 can say.
            guard size > 0 else { return .whole }
            return .part(size - min(count, size)..<size)
        }
        let start = saturated(first)
        let end = last.isEmpty ? UInt64.max : saturated(last)
        guard start <= end else { return .whole }
        guard start < size else { return .unsatisfiable }
        return .part(start..<min(end, size - 1) + 1)
    }

    /// Digits as a number; one that is too large for any file as the largest.
    private static func saturated(_ digits: Substring) -> UInt64 {
        UInt64(digits) ?? .max
    }
}
