import Glibc

/// Finds a delimiter in memory by Horspool's algorithm on pairs of bytes: looks at two bytes in as many as the
/// delimiter is long, and steps over the rest wherever such a pair does not occur in the delimiter.
///
/// Hostile input cannot slow it to more than a step per byte: the delimiter's only CR is in front, so two partial
/// matches never overlap, and no byte is compared in both.
struct DelimiterSearch: Sendable {
    private let delimiter: [UInt8]
    /// How far to step when a pair is seen in the delimiter's last two places, by the pair's hash; 0 stands for the
    /// longest step, of a pair that the delimiter does not have. That is by far the most frequent case, so a branch of
    /// its own, which the processor predicts, beats waiting for the table.
    private let steps: [UInt8]

    /// Takes a delimiter of 5 to 254 bytes that begins with its only CR.
    init(_ delimiter: [UInt8]) {
        self.delimiter = delimiter
        var steps = [UInt8](repeating: 0, count: 256)
        for last in 1..<(delimiter.count - 1) {
            steps[Self.hash(delimiter[last - 1], delimiter[last])] = UInt8(delimiter.count - 1 - last)
        }
        // The delimiter's own last pair stops the run, to be compared.
        let final = Self.hash(delimiter[delimiter.count - 2], delimiter[delimiter.count - 1])
        afterFinal = steps[final] == 0 ? delimiter.count - 1 : Int(steps[final])
        steps[final] = Self.stop
        self.steps = steps
    }

    private static let stop = UInt8.max
    /// How far to step when the last pair did match but the delimiter did not.
    private let afterFinal: Int

    private static func hash(_ first: UInt8, _ second: UInt8) -> Int {
        Int(second &- first &<< 3)
    }

    /// How many bytes come before the delimiter, and how many bytes of it follow them: all of it somewhere, or the
    /// first few at the very end.
    func split(_ bytes: UnsafeRawBufferPointer) -> (free: Int, matched: Int) {
        if let found = find(in: bytes) {
            return (found, delimiter.count)
        }
        guard let cr = bytes.suffix(delimiter.count - 1).lastIndex(of: UInt8(ascii: "\r")),
            delimiter.starts(with: bytes[cr...])
        else {
            return (bytes.count, 0)
        }
        return (cr, bytes.count - cr)
    }

    /// On raw memory, because the speed of every upload in a form depends on it. No index passes `bytes.count`: `last` is
    /// checked before each use and is never less than the delimiter's last index.
    private func find(in bytes: UnsafeRawBufferPointer) -> Int? {
        let length = delimiter.count
        return delimiter.withUnsafeBytes { needle in
            steps.withUnsafeBufferPointer { steps -> Int? in
                guard let start = bytes.baseAddress, let first = needle.baseAddress, let step = steps.baseAddress else {
                    return nil
                }
                let pair = { (last: Int) -> UInt8 in
                    let one = start.load(fromByteOffset: last &- 1, as: UInt8.self)
                    let two = start.load(fromByteOffset: last, as: UInt8.self)
                    return step[Self.hash(one, two)]
                }
                var last = length - 1
                while last < bytes.count {
                    let next = pair(last)
                    if next == 0 {
                        last &+= length &- 1
                    } else if next != Self.stop {
                        last &+= Int(next)
                    } else {
                        let candidate = start + (last &- length &+ 1)
                        let front = candidate.loadUnaligned(as: UInt32.self)
                        if front == first.loadUnaligned(as: UInt32.self), memcmp(candidate, first, length) == 0 {
                            return last - length + 1
                        }
                        last &+= afterFinal
                    }
                }
                return nil
            }
        }
    }
}
