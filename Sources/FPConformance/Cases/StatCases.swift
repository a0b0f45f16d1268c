import FPContractDriver
import FPPluginAPI
import Glibc

/// stat, and what an info record says.
enum StatCases {
    static let all: [Case] = [
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
                    try store.current.perform("stat") { store.slots.stat?(store.instance, $0, key, 0, info) ?? -1 }
                }
            }
            try bench.check(info.size == 3, "stat gives \(info.size) bytes, where 3 are due")
        },
        Case("stat.case", "keys that differ in case are different", .rule(6)) { bench in
            try bench.put(bench.key("Name"), [1])
            try bench.check(absent: bench.key("name"), "under the key in other case")
        },
    ]
}
