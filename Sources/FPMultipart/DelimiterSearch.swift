import Glibc

/// Finds a delimiter in memory by Horspool's algorithm: looks at one byte in as many as the delimiter is long, and
/// steps over the rest wherever that byte does not occur in the delimiter.
///
/// Hostile input cannot slow it to more than a step per byte: a comparison goes deep only behind a CR, and a delimiter has
/// that in front alone.
struct DelimiterSearch: Sendable {
    private let delimiter: [UInt8]
    /// How far to step when a byte is seen at the delimiter's last place.
    private let steps: [UInt8]

    /// Takes a delimiter of 2 to 255 bytes.
    init(_ delimiter: [UInt8]) {
        self.delimiter = delimiter
        var steps = [UInt8](repeating: UInt8(delimiter.count), count: 256)
        for (index, byte) in delimiter.dropLast().enumerated() {
            steps[Int(byte)] = UInt8(delimiter.count - 1 - index)
        }
        self.steps = steps
    }

    /// How many bytes come before the delimiter, and how many bytes of it follow them: all of it somewhere, or the
    /// first few at the very end.
    ///
    /// On raw memory, because the speed of every upload hangs on it. No index passes `bytes.count`: `last` is checked
    /// before each use, and the comparison covers the bytes that end with it.
    func split(_ bytes: UnsafeRawBufferPointer) -> (free: Int, matched: Int) {
        guard let start = bytes.baseAddress else {
            return (0, 0)
        }
        let length = delimiter.count
        let found = delimiter.withUnsafeBytes { needle in
            steps.withUnsafeBufferPointer { steps -> Int? in
                guard let first = needle.baseAddress, let final = needle.last else {
                    return nil
                }
                var last = length - 1
                while last < bytes.count {
                    let byte = start.load(fromByteOffset: last, as: UInt8.self)
                    if byte == final, memcmp(start + (last - length + 1), first, length - 1) == 0 {
                        return last - length + 1
                    }
                    last &+= Int(steps[Int(byte)])
                }
                return nil
            }
        }
        if let found {
            return (found, length)
        }
        guard let cr = bytes.suffix(length - 1).lastIndex(of: UInt8(ascii: "\r")),
            delimiter.starts(with: bytes[cr...])
        else {
            return (bytes.count, 0)
        }
        return (cr, bytes.count - cr)
    }
}
