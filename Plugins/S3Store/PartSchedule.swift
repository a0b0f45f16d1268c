/// Which part holds which bytes. A function of the offset alone, so that every process that goes on with an upload cuts
/// it in the same places, and sends a part again under the same number.
struct PartSchedule: Equatable, Sendable {
    /// What S3 allows.
    static let maxParts: UInt64 = 10_000
    static let largestPart: UInt64 = 5 << 30
    static let largestObject: UInt64 = 5 << 40

    /// The size of the first part.
    let base: UInt64
    /// True if the object's size was not known: parts double in size every thousand, so that they suffice.
    let grows: Bool

    init(base: UInt64, grows: Bool) {
        self.base = base
        self.grows = grows
    }

    /// The schedule of an object of `size` bytes, with parts of `partSize` if they suffice.
    init(size: UInt64?, partSize: UInt64) {
        var base = partSize
        if let size {
            while base * Self.maxParts < size, base * 2 <= Self.largestPart { base *= 2 }
        }
        self.init(base: base, grows: size == nil)
    }

    /// The largest part that an object of any size can need, and a multiple of every other.
    static func largest(partSize: UInt64) -> UInt64 {
        var size = partSize
        while size * maxParts < largestObject, size * 2 <= largestPart { size *= 2 }
        return size
    }

    /// The part that the byte at `offset` lies in.
    func part(at offset: UInt64) -> (number: Int, start: UInt64, size: UInt64) {
        guard grows else {
            let index = offset / base
            return (Int(clamping: index) &+ 1, index * base, base)
        }
        var number: UInt64 = 0
        var start: UInt64 = 0
        var size = base
        while true {
            let isLast = size * 2 > Self.largest(partSize: base)
            let stretch = isLast ? UInt64.max : size * 1000
            if offset - start < stretch {
                let index = (offset - start) / size
                return (Int(clamping: number + index) &+ 1, start + index * size, size)
            }
            number += 1000
            start += stretch
            size *= 2
        }
    }

    /// The size of a part.
    func size(of number: Int) -> UInt64 {
        guard grows else { return base }
        let doublings = min(UInt64(max(0, number - 1)) / 1000, 16)
        return min(base << doublings, Self.largest(partSize: base))
    }

    /// The offset of a part's first byte.
    func start(of number: Int) -> UInt64 {
        guard grows else { return UInt64(max(0, number - 1)) * base }
        return (1..<max(1, number)).reduce(0) { $0 + size(of: $1) }
    }

    /// The bytes that `maxParts` parts can hold, as far as S3 allows.
    var capacity: UInt64 {
        guard grows else {
            return min(base.multipliedReportingOverflow(by: Self.maxParts).partialValue, Self.largestObject)
        }
        var total: UInt64 = 0
        var size = base
        var left = Self.maxParts
        while left > 0 {
            let isLast = size * 2 > Self.largest(partSize: base)
            let count = isLast ? left : min(left, 1000)
            total += size * count
            left -= count
            if !isLast { size *= 2 }
        }
        return min(total, Self.largestObject)
    }
}
