import FPContractDriver
import FPPluginAPI

/// How a write may end, and who sees it when.
enum WriteEndCases {
    static let all: [Case] = [
        Case(
            "write.close-without-commit", "a one-shot write that is only closed leaves nothing visible",
            .slot("write_close")
        ) {
            bench in
            let key = bench.key()
            for count in [0, 1, try bench.unit + 1] {
                let writer = try bench.store.begin(key)
                try bench.push(Pattern.bytes(count), to: writer)
                writer.close()
                try bench.check(absent: key, "after write_close without write_commit")
            }
        },
        Case("write.abort", "an aborted write leaves nothing visible", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try bench.push(Pattern.bytes(try bench.unit + 1), to: writer)
            try writer.abort()
            writer.close()
            try bench.check(absent: key, "after write_abort")
        },
        Case("write.abort-twice", "write_abort may be called again", .slot("write_abort")) { bench in
            let writer = try bench.store.begin(bench.key())
            try writer.write([1])
            try writer.abort()
            try writer.abort()
            writer.close()
        },
        Case("write.abort-fresh", "a write can be aborted before its first byte", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.abort()
            writer.close()
            try bench.check(absent: key, "after write_abort")
        },
        Case("write.after-abort", "a key is free after an aborted write", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1])
            try writer.abort()
            writer.close()
            try bench.put(key, [2, 3])
            try bench.check(key, holds: [2, 3])
        },
        Case("write.invisible", "bytes are invisible until write_commit", .rule(7)) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            for _ in 0..<3 {
                try bench.push(Pattern.bytes(writer.offset..<writer.offset + UInt64(try bench.unit)), to: writer)
                try bench.check(absent: key, "before write_commit")
            }
            let size = Int(writer.offset)
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(size))
        },
        Case(
            "write.commit-then-visible", "an object is there at once after write_commit, before write_close",
            .slot("FP_CAP_READ_AFTER_WRITE"), needs: [.caps(FP_CAP_READ_AFTER_WRITE)]
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1, 2, 3])
            try writer.commit()
            try bench.check(key, holds: [1, 2, 3])
            writer.close()
            try bench.check(key, holds: [1, 2, 3])
        },
        Case(
            "write.visible-elsewhere", "another process sees a commit at once", .slot("FP_CAP_READ_AFTER_WRITE"),
            needs: [.caps(FP_CAP_READ_AFTER_WRITE)]
        ) {
            bench in
            let peer = try bench.peer()
            let key = bench.key()
            try bench.put(key, Pattern.bytes(1234))
            let size = try peer.run(.stat(key: key)).number
            try bench.check(size == 1234, "another process sees \(size) bytes, where 1234 were written")
        },
        Case("write.killed", "a one-shot write whose process is killed leaves nothing visible", .slot("write_close")) {
            bench in
            let key = bench.key()
            let peer = try bench.peer()
            try peer.run(.begin(key: key, flags: 0))
            try peer.run(.write(count: try bench.unit + 10, seed: 1))
            peer.kill()
            try bench.check(absent: key, "after its writer was killed")
            try bench.put(key, [7])
            try bench.check(key, holds: [7])
        },
        Case("write.any-thread", "calls on one writer may come from different threads", .rule(3)) { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(try bench.unit + 5000)
            let writer = try HostThreads.run { try bench.store.begin(key) }
            let step = bytes.count / 5 + 1
            for start in stride(from: 0, to: bytes.count, by: step) {
                try HostThreads.run { try bench.push(Array(bytes[start..<min(start + step, bytes.count)]), to: writer) }
            }
            try HostThreads.run { _ = try writer.commit() }
            try HostThreads.run { writer.close() }
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: bytes)
        },
        Case("write.two-writers", "two writers of different keys do not mix", .slot("write")) { bench in
            let keys = [bench.key("one"), bench.key("two")]
            let writers = try keys.map { try bench.store.begin($0) }
            for _ in 0..<4 {
                for (seed, writer) in writers.enumerated() {
                    let from = writer.offset
                    try writer.write(Pattern.bytes(from..<from + 3000, seed: UInt64(seed)))
                }
            }
            for writer in writers {
                try writer.commit()
                writer.close()
            }
            for (seed, key) in keys.enumerated() {
                try bench.check(key, holds: Pattern.bytes(12_000, seed: UInt64(seed)))
            }
        },
        Case("write.deep-key", "the parents of a key are made on demand", .rule(6)) { bench in
            let key = bench.key("a/b/c/d/e/f/g/h")
            try bench.put(key, [1])
            try bench.check(key, holds: [1])
        },
    ]
}
