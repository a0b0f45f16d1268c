import FPPluginAPI
import Glibc

/// stat, and the read that the host pulls.
enum ReadCases {
    static let all: [Case] = stat + whole + ranges + handles + versions

    private static let stat: [Case] = [
        Case("stat.absent", "an absent key is E_NOT_FOUND", .slot("stat")) { bench in
            try bench.refused(FP_E_NOT_FOUND, "stat of an absent key") { _ = try bench.store.stat(bench.key()) }
        },
        Case("stat.size", "stat gives the size of the whole object", .slot("fp_info")) { bench in
            for size in [0, 1, 4095, 70_000] {
                let key = bench.key("\(size)")
                try bench.put(key, Pattern.bytes(size))
                let found = try bench.store.stat(key).size
                try bench.check(found == UInt64(size), "stat gives \(found), where \(size) bytes were written")
            }
        },
        Case("stat.directory-like", "the beginning of a key is no object", .slot("stat")) { bench in
            try bench.put(bench.key("a/b/c"), [1])
            for name in ["a", "a/b"] { try bench.check(absent: bench.key(name), "under the key of a parent") }
        },
        Case("stat.pending", "stat does not find what is being written", .rule(7)) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write(Pattern.bytes(1000))
            try bench.check(absent: key, "before write_commit")
            try writer.commit()
            writer.close()
            try bench.check(key, holds: Pattern.bytes(1000))
        },
        Case("stat.etag-stable", "the etag stays while the content does", .slot("fp_info.etag")) { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(100))
            let first = try bench.store.stat(key)
            for _ in 0..<3 { try bench.check(bench.store.stat(key).etag == first.etag, "the etag changed by itself") }
            let opened = try bench.store.open(key)
            try bench.check(opened.info.etag == first.etag, "read_open and stat give different etags")
        },
        Case("stat.etag-changes", "the etag changes with the content, even at the same size", .slot("fp_info.etag")) {
            bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(100, seed: 1))
            let first = try bench.store.stat(key)
            guard !first.etag.isEmpty else { throw Inapplicable(reason: "it gives no etags") }
            try bench.store.remove(key)
            try bench.settle { try bench.store.lookup(key) == nil }
            try bench.put(key, Pattern.bytes(100, seed: 2))
            let second = try bench.store.stat(key)
            try bench.check(second.etag != first.etag, "two contents have the etag \"\(first.etag)\"")
        },
        Case("stat.modified", "the time of change is plausible, or unknown", .slot("fp_info.mtime_ns")) { bench in
            let key = bench.key()
            try bench.put(key, [1])
            let found = try bench.store.stat(key).modified
            let now = Int64(time(nil)) * 1_000_000_000
            let day: Int64 = 86_400 * 1_000_000_000
            try bench.check(
                found == FP_TIME_UNKNOWN || abs(now - found) < day, "mtime_ns is \(found), more than a day from now")
        },
        Case("stat.nothing-wanted", "buffers of no capacity stay empty", .rule(2)) { bench in
            let key = bench.key()
            try bench.put(key, [1, 2, 3])
            let store = try bench.store
            let (_, info) = try store.shape.lendOutput(
                fp_info(), of: "stat", buffers: [\.etag, \.content_type, \.digest]
            ) { info in
                try lend(key) { key in
                    try store.invocation.perform("stat") { store.table.stat?(store.instance, $0, key, 0, info) ?? -1 }
                }
            }
            try bench.check(info.size == 3, "stat gives \(info.size) bytes, where 3 are due")
        },
        Case("stat.case", "keys that differ in case are different", .rule(6)) { bench in
            try bench.put(bench.key("Name"), [1])
            try bench.check(absent: bench.key("name"), "under the key in other case")
        },
    ]

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

    private static let handles: [Case] = [
        Case("read.byte-by-byte", "a capacity of one byte gives one byte a call", .slot("read")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(300)
            try bench.put(key, bytes)
            let reader = try bench.store.open(key)
            try bench.check(try reader.rest(1, limit: 300), is: bytes, "the object")
        },
        Case("read.large-capacity", "a capacity of 4 MiB is not written beyond", .slot("read")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(100_000)
            try bench.put(key, bytes)
            let reader = try bench.store.open(key, offset: 0, length: 50_000)
            try bench.check(try reader.rest(4 << 20, limit: 50_000), is: Array(bytes[..<50_000]), "the range")
        },
        Case("read.end-stays", "after the last byte read gives no bytes, again and again", .slot("read")) { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(100))
            let reader = try bench.store.open(key)
            _ = try reader.rest(limit: 100)
            for _ in 0..<3 { try bench.check(reader.read().isEmpty, "read gives bytes behind the end") }
        },
        Case("read.close-early", "a reader can be closed at any point", .slot("read_close")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(200_000)
            try bench.put(key, bytes)
            for count in [0, 1, 3] {
                let reader = try bench.store.open(key)
                for _ in 0..<count { _ = try reader.read(1000) }
                reader.close()
            }
            try bench.check(key, holds: bytes)
        },
        Case("read.two-readers", "two readers of one object do not disturb each other", .slot("read")) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(50_000)
            try bench.put(key, bytes)
            let one = try bench.store.open(key)
            let other = try bench.store.open(key, offset: 10_000)
            var first: [UInt8] = []
            var second: [UInt8] = []
            for _ in 0..<5 {
                first += try one.read(3000)
                second += try other.read(1000)
            }
            first += try one.rest()
            second += try other.rest()
            try bench.check(first, is: bytes, "what the first reader gave")
            try bench.check(second, is: Array(bytes[10_000...]), "what the second reader gave")
        },
        Case("read.any-thread", "calls on one reader may come from different threads", .rule(3)) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(20_000)
            try bench.put(key, bytes)
            let reader = try HostThreads.run { try bench.store.open(key) }
            var found: [UInt8] = []
            while true {
                let more = try HostThreads.run { try reader.read(3000) }
                if more.isEmpty { break }
                found += more
            }
            try HostThreads.run { reader.close() }
            try bench.check(found, is: bytes, "the object")
        },
        Case("read.pause", "a pause between two reads does no harm, or the reader says so", .rule(4)) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(300_000)
            try bench.put(key, bytes)
            let reader = try bench.store.open(key)
            var found = try reader.read(1000)
            usleep(1_500_000)
            do {
                found += try reader.rest()
            } catch let failure as Failure where failure.status == FP_E_TRANSIENT {
                found += try bench.store.get(key, offset: UInt64(found.count))
            }
            try bench.check(found, is: bytes, "the object")
        },
    ]

    private static let versions: [Case] = [
        Case(
            "read.removed-meanwhile", "a reader of a removed object goes on or fails, and gives nothing else",
            .slot("remove")
        ) {
            bench in
            let key = bench.key()
            let bytes = Pattern.bytes(try bench.unit + 200_000)
            try bench.put(key, bytes)
            let reader = try bench.store.open(key)
            var found = try reader.read(1000)
            try bench.store.remove(key)
            do {
                found += try reader.rest()
                try bench.check(found, is: bytes, "the object")
            } catch is Failure {
                try bench.check(found, is: Array(bytes[..<found.count]), "what was read before it failed")
            }
            reader.close()
        },
        Case(
            "read.replaced-meanwhile", "a reader sees one version from first byte to last, or fails", .rule(7),
            needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) { bench in
            let key = bench.key()
            let size = try bench.unit + 400_000
            let old = Pattern.bytes(size, seed: 1)
            try bench.put(key, old)
            let reader = try bench.store.open(key)
            var found = try reader.read(1000)
            try bench.put(key, Pattern.bytes(size, seed: 2))
            do {
                found += try reader.rest()
                try bench.check(found, is: old, "the old version")
            } catch is Failure {
                try bench.check(found, is: Array(old[..<found.count]), "what was read before it failed")
            }
            reader.close()
            try bench.check(key, holds: Pattern.bytes(size, seed: 2))
        },
        Case(
            "read.if-match", "read_open with the right etag succeeds", .slot("FP_CAP_IF_MATCH"),
            needs: [.caps(FP_CAP_IF_MATCH)]
        ) {
            bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(100))
            let etag = try bench.store.stat(key).etag
            try bench.check(!etag.isEmpty, "it declares IF_MATCH and gives no etag")
            let reader = try bench.store.open(key, offset: 10, ifMatch: etag)
            try bench.check(try reader.rest(limit: 90), is: Pattern.bytes(10..<100), "the rest")
        },
        Case(
            "read.if-match-wrong", "read_open with an etag of another version is E_PRECONDITION",
            .slot("FP_CAP_IF_MATCH"),
            needs: [.caps(FP_CAP_IF_MATCH)]
        ) { bench in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(100))
            let old = try bench.store.stat(key).etag
            try bench.store.remove(key)
            try bench.settle { try bench.store.lookup(key) == nil }
            try bench.put(key, Pattern.bytes(100, seed: 2))
            try bench.refused(FP_E_PRECONDITION, "read_open with the etag of an earlier object") {
                try bench.store.open(key, ifMatch: old).close()
            }
        },
        Case(
            "read.if-match-absent", "read_open of an absent key is E_NOT_FOUND, whatever the etag", .slot("read_open"),
            needs: [.caps(FP_CAP_IF_MATCH)]
        ) { bench in
            try bench.refused(FP_E_NOT_FOUND, FP_E_PRECONDITION, what: "read_open of an absent key with an etag") {
                try bench.store.open(bench.key(), ifMatch: "\"nothing\"").close()
            }
        },
    ]
}
