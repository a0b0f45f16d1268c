import FPContractDriver
import FPPluginAPI
import Glibc

/// Open readers, also while their object is removed or replaced.
enum ReaderCases {
    static let all: [Case] = handles + versions

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
