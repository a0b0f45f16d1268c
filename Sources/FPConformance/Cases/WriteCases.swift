import FPContractDriver
import FPPluginAPI

/// What the host pushes: objects of every size, and what it must not get away with.
enum WriteCases {
    static let all: [Case] = sizes + offsets

    private static let sizes: [Case] =
        [
            sized("empty", 0) { _ in 0 }, sized("one-byte", 1) { _ in 1 }, sized("unit-less-one", 2) { $0 - 1 },
            sized("unit", 3) { $0 }, sized("unit-and-one", 4) { $0 + 1 }, sized("two-units-less-one", 5) { 2 * $0 - 1 },
            sized("two-units", 6) { 2 * $0 }, sized("two-units-and-one", 7) { 2 * $0 + 1 },
            sized("three-units-and-more", 8) { 3 * $0 + 12_345 },
        ] + [
            Case("write.unknown-size", "a write need not know its size beforehand", .slot("write_begin")) { bench in
                let key = bench.key()
                let bytes = Pattern.bytes(try bench.unit + 17)
                let writer = try bench.store.begin(key)
                try bench.push(bytes, to: writer)
                try writer.commit()
                writer.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: bytes)
            },
            Case("write.odd-pieces", "writes of any length add up", .slot("write")) { bench in
                let key = bench.key()
                let bytes = Pattern.bytes(try bench.unit + 100_000)
                let writer = try bench.store.begin(key)
                var place = 0
                while place < bytes.count {
                    let most = Int.random(in: 1...8, using: &bench.generator) == 1 ? 300 : 90_000
                    let count = min(Int.random(in: 1...most, using: &bench.generator), bytes.count - place)
                    try writer.write(Array(bytes[place..<place + count]))
                    place += count
                }
                try writer.commit()
                writer.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: bytes)
            },
            Case("write.single-bytes", "writes of one byte each add up", .slot("write")) { bench in
                let key = bench.key()
                let bytes = Pattern.bytes(200)
                let writer = try bench.store.begin(key)
                for byte in bytes { try writer.write([byte]) }
                try writer.commit()
                writer.close()
                try bench.check(key, holds: bytes)
            },
            Case("write.large-piece", "a write of 4 MiB at once is taken whole", .slot("write")) { bench in
                let key = bench.key()
                let bytes = Pattern.bytes(4 << 20)
                let writer = try bench.store.begin(key, size: 4 << 20)
                try writer.write(bytes)
                try writer.commit()
                writer.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: bytes)
            },
            Case("write.zero-length", "a write of no bytes changes nothing", .slot("write")) { bench in
                let key = bench.key()
                let writer = try bench.store.begin(key)
                try writer.write([])
                try writer.write([1, 2])
                try writer.write([])
                try writer.commit()
                writer.close()
                try bench.check(key, holds: [1, 2])
            },
        ]

    private static func sized(_ name: String, _ seed: UInt64, _ size: @escaping @Sendable (Int) -> Int) -> Case {
        Case("write.\(name)", "a write of \(name.replacing("-", with: " ")) becomes an object", .slot("write_commit")) {
            bench in
            let key = bench.key()
            let bytes = Pattern.bytes(size(try bench.unit), seed: seed)
            let info = try bench.put(key, bytes)
            try bench.check(info.size == UInt64(bytes.count), "write_commit gives \(info.size) bytes in its info")
            try bench.check(key, holds: bytes)
        }
    }

    private static let offsets: [Case] = [
        wrongOffset("too-low", "a write at an offset that is already filled is E_INVALID") { $0 - 1 },
        wrongOffset("too-high", "a write that would leave a gap is E_INVALID") { $0 + 1 },
        wrongOffset("zero-again", "a write at the beginning for a second time is E_INVALID") { _ in 0 },
        Case("write.failed-then-abort", "a writer that has failed can be aborted", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1, 2, 3])
            try bench.refused(FP_E_INVALID, "write at a wrong offset") { try writer.write([4], at: 9) }
            try writer.abort()
            writer.close()
            try bench.check(absent: key, "after a write that failed")
        },
        wrongSize("short", "a commit of fewer bytes than were written is E_INVALID") { $0 - 1 },
        wrongSize("long", "a commit of more bytes than were written is E_INVALID") { $0 + 1 },
        wrongSize("zero", "a commit of no bytes after some were written is E_INVALID") { _ in 0 },
        Case(
            "write.empty-wrong-size", "a commit of a byte that was never written is E_INVALID",
            .slot("fp_commit_req.size")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try bench.refused(FP_E_INVALID, "write_commit of 1 byte after none") { try writer.commit(size: 1) }
            writer.close()
            try bench.check(absent: key, "after a commit that failed")
        },
    ]

    private static func wrongOffset(_ name: String, _ promise: String, _ place: @escaping @Sendable (UInt64) -> UInt64)
        -> Case
    {
        Case("write.offset-\(name)", promise, .slot("write")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write(Pattern.bytes(100))
            try bench.refused(FP_E_INVALID, "write at \(place(100)) after 100 bytes") {
                try writer.write([1], at: place(100))
            }
            writer.close()
            try bench.check(absent: key, "after a write that failed")
        }
    }

    private static func wrongSize(_ name: String, _ promise: String, _ size: @escaping @Sendable (UInt64) -> UInt64)
        -> Case
    {
        Case("write.commit-\(name)", promise, .slot("fp_commit_req.size")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write(Pattern.bytes(1000))
            try bench.refused(FP_E_INVALID, "write_commit of \(size(1000)) bytes after 1000") {
                try writer.commit(size: size(1000))
            }
            writer.close()
            try bench.check(absent: key, "after a commit that failed")
        }
    }
}
