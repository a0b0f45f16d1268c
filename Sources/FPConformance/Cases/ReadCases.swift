import FPContractDriver
import FPPluginAPI

/// What the host pulls: whole objects and ranges of them.
enum ReadCases {
    static let all: [Case] = whole + ranges

    private static let whole: [Case] =
        [
            Case("read.absent", "an absent key is E_NOT_FOUND", .slot("read_open")) { bench in
                try bench.refused(FP_E_NOT_FOUND, "read_open of an absent key") {
                    try bench.store.open(bench.key()).close()
                }
            }
        ]
        + [
            sized("empty", 0) { _ in 0 }, sized("one-byte", 1) { _ in 1 }, sized("unit-less-one", 2) { $0 - 1 },
            sized("unit", 3) { $0 }, sized("unit-and-one", 4) { $0 + 1 }, sized("two-units", 5) { 2 * $0 },
            sized("two-units-and-one", 6) { 2 * $0 + 1 },
        ]

    private static func sized(_ name: String, _ seed: UInt64, _ size: @escaping @Sendable (Int) -> Int) -> Case {
        Case(
            "read.\(name)", "an object of \(name.replacing("-", with: " ")) comes back as it was written", .slot("read")
        ) {
            bench in
            let key = bench.key()
            let bytes = Pattern.bytes(size(try bench.unit), seed: seed)
            try bench.put(key, bytes)
            try bench.check(key, holds: bytes)
        }
    }

    private static let ranges: [Case] = [
        Case("read.ranges", "any range gives exactly its bytes", .slot("read_open")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(try bench.unit + 1000)
            try bench.put(key, bytes)
            for _ in 0..<12 {
                let offset = Int.random(in: 0..<bytes.count, using: &bench.generator)
                let length = Int.random(in: 1...bytes.count - offset, using: &bench.generator)
                let found = try bench.store.get(key, offset: UInt64(offset), length: UInt64(length))
                try bench.check(
                    found, is: Array(bytes[offset..<offset + length]), "the range of \(length) bytes at \(offset)")
            }
        },
        range("first-byte", "the first byte alone") { (0, 1, 0..<1) },
        range("last-byte", "the last byte alone") { (999, 1, 999..<1000) },
        range("clipped", "a range that reaches beyond the end is clipped") { (900, 5000, 900..<1000) },
        range("to-the-end", "FP_SIZE_UNKNOWN reads to the end") { (10, FP_SIZE_UNKNOWN, 10..<1000) },
        range("zero-length", "a range of no bytes is empty") { (500, 0, 500..<500) },
        range("zero-length-at-end", "a range of no bytes at the end is empty") { (1000, 0, 1000..<1000) },
        range("huge-length", "a length beyond all sense is clipped") { (1, FP_SIZE_UNKNOWN - 1, 1..<1000) },
        outOfRange("at-end", "bytes from the end on are E_RANGE", offset: 1000, length: 1),
        outOfRange("rest-at-end", "the rest from the end on is E_RANGE", offset: 1000, length: FP_SIZE_UNKNOWN),
        outOfRange("beyond-end", "an offset beyond the end is E_RANGE", offset: 1001, length: 1),
        outOfRange("beyond-end-empty", "even no bytes beyond the end are E_RANGE", offset: 1001, length: 0),
        outOfRange("far-beyond-end", "an offset beyond all sense is E_RANGE", offset: 1 << 62, length: 1),
        Case("read.empty-object-ranges", "an empty object can be read at 0 only", .slot("read_open")) { bench in
            let key = bench.key()
            try bench.put(key, [])
            for length in [0, 1, FP_SIZE_UNKNOWN] {
                try bench.check(bench.store.get(key, offset: 0, length: length), is: [], "an empty object")
            }
            try bench.refused(FP_E_RANGE, "read_open at 1 of an empty object") {
                try bench.store.open(key, offset: 1, length: 1).close()
            }
        },
        Case("read.info", "the info of a range describes the whole object", .slot("read_open")) { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(5000))
            let info = try bench.store.open(key, offset: 100, length: 10).info
            try bench.check(info.size == 5000, "read_open gives \(info.size), where the object has 5000 bytes")
        },
    ]

    private static func range(
        _ name: String, _ promise: String, _ wanted: @escaping @Sendable () -> (UInt64, UInt64, Range<Int>)
    ) -> Case {
        Case("read.\(name)", promise, .slot("read_open")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(1000)
            try bench.put(key, bytes)
            let (offset, length, due) = wanted()
            try bench.check(bench.store.get(key, offset: offset, length: length), is: Array(bytes[due]), "the range")
        }
    }

    private static func outOfRange(_ name: String, _ promise: String, offset: UInt64, length: UInt64) -> Case {
        Case("read.\(name)", promise, .slot("read_open")) { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(1000))
            try bench.refused(FP_E_RANGE, "read_open at \(offset) of 1000 bytes") {
                try bench.store.open(key, offset: offset, length: length).close()
            }
        }
    }
}
