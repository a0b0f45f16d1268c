import FPPluginAPI
import Glibc

/// The one-shot write, and what holds for every write.
enum WriteCases {
    static let all: [Case] = sizes + offsets + ends + replacing + extras

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
                let writer = try bench.store.begin(key, Store.Begin(size: 4 << 20))
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

    private static let ends: [Case] = [
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

    private static let replacing: [Case] = [
        Case(
            "write.replace", "a commit over an existing key replaces the object", .slot("FP_CAP_ATOMIC_REPLACE"),
            needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) {
            bench in
            let key = bench.key()
            for (seed, count) in [(1, 5000), (2, 70_000), (3, 0), (4, 10)] as [(UInt64, Int)] {
                try bench.put(key, Pattern.bytes(count, seed: seed))
                try bench.settle { try bench.store.stat(key).size == UInt64(count) }
                try bench.check(key, holds: Pattern.bytes(count, seed: seed))
            }
        },
        Case(
            "write.replace-keeps-old", "the old object stays until the commit", .rule(7),
            needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) {
            bench in
            let key = bench.key()
            let old = Pattern.bytes(3000, seed: 1)
            try bench.put(key, old)
            let writer = try bench.store.begin(key)
            try bench.push(Pattern.bytes(try bench.unit + 1, seed: 2), to: writer)
            try bench.check(key, holds: old)
            writer.close()
            try bench.check(key, holds: old)
        },
        Case(
            "write.replace-failed", "a commit that fails leaves the old object", .slot("write_commit"),
            needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) {
            bench in
            let key = bench.key()
            try bench.put(key, [1, 2])
            let writer = try bench.store.begin(key)
            try writer.write([3, 4, 5])
            try bench.refused(FP_E_INVALID, "write_commit of a wrong size") { try writer.commit(size: 2) }
            writer.close()
            try bench.check(key, holds: [1, 2])
        },
        Case("write.exists", "FP_W_IF_NOT_EXISTS over an existing key is E_EXISTS", .slot("FP_W_IF_NOT_EXISTS")) {
            bench in
            let key = bench.key()
            try bench.put(key, [1, 2])
            var expected = [FP_E_EXISTS]
            if try !bench.has(FP_CAP_ATOMIC_CREATE) { expected.append(FP_E_UNSUPPORTED) }
            do {
                let writer = try bench.store.begin(key, FP_W_IF_NOT_EXISTS)
                try writer.write([3])
                try writer.commit()
                throw Broken("a write with FP_W_IF_NOT_EXISTS replaced an object")
            } catch let failure as Failure {
                try bench.check(
                    expected.contains(failure.status), "\(failure), where \(StatusName.of(expected)) was due")
            }
            try bench.check(key, holds: [1, 2])
        },
        Case(
            "write.exists-late", "FP_W_IF_NOT_EXISTS looks at the moment of the commit", .slot("FP_W_IF_NOT_EXISTS"),
            needs: [.caps(FP_CAP_ATOMIC_CREATE)]
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_IF_NOT_EXISTS)
            try writer.write([3])
            try bench.put(key, [1, 2])
            try bench.refused(FP_E_EXISTS, "write_commit with FP_W_IF_NOT_EXISTS over a key made meanwhile") {
                _ = try writer.commit()
            }
            writer.close()
            try bench.check(key, holds: [1, 2])
        },
        Case(
            "write.not-exists", "FP_W_IF_NOT_EXISTS on a free key succeeds", .slot("FP_W_IF_NOT_EXISTS"),
            needs: [.caps(FP_CAP_ATOMIC_CREATE)]
        ) {
            bench in
            let key = bench.key()
            try bench.put(key, [1, 2, 3], flags: FP_W_IF_NOT_EXISTS)
            try bench.check(key, holds: [1, 2, 3])
            try bench.store.remove(key)
            try bench.settle { try bench.store.lookup(key) == nil }
            try bench.put(key, [4], flags: FP_W_IF_NOT_EXISTS)
            try bench.check(key, holds: [4])
        },
    ]

    private static let extras: [Case] = [
        Case("write.resumable-refused", "FP_W_RESUMABLE is E_UNSUPPORTED without the capability", .rule(1)) { bench in
            guard try !bench.has(FP_CAP_RESUMABLE) else { throw Inapplicable(reason: "it declares FP_CAP_RESUMABLE") }
            try bench.refused(FP_E_UNSUPPORTED, "write_begin with FP_W_RESUMABLE") {
                try bench.store.begin(bench.key(), FP_W_RESUMABLE).close()
            }
        },
        Case(
            "write.content-type", "the content type is stored and returned", .slot("FP_CAP_CONTENT_TYPE"),
            needs: [.caps(FP_CAP_CONTENT_TYPE)]
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, Store.Begin(contentType: "image/png"))
            try writer.write([1])
            try writer.commit()
            writer.close()
            let type = try bench.store.stat(key).contentType
            try bench.check(type == "image/png", "stat gives \"\(type)\", where \"image/png\" was written")
        },
        Case("write.hints", "a content type and metadata do no harm", .slot("fp_write_req")) { bench in
            let key = bench.key()
            let begin = Store.Begin(
                size: 3, contentType: "text/plain; charset=utf-8",
                metadata: [("name", "Übung.txt"), ("empty", ""), ("author", "a b")])
            let writer = try bench.store.begin(key, begin)
            try writer.write([1, 2, 3])
            try writer.commit()
            writer.close()
            try bench.check(key, holds: [1, 2, 3])
        },
        digest("sha256", FP_DIGEST_SHA256, Digests.sha256),
        digest("md5", FP_DIGEST_MD5, Digests.md5),
        digest("crc32c", FP_DIGEST_CRC32C, Digests.crc32c),
        Case(
            "write.digest-unknown", "a digest that it cannot verify is refused, not ignored",
            .slot("fp_commit_req.digest_alg")
        ) {
            bench in
            let offered = try bench.caps.digests
            let unknown = [FP_DIGEST_SHA256, FP_DIGEST_MD5, FP_DIGEST_CRC32C].first { offered & (1 << $0) == 0 }
            guard let unknown else { throw Inapplicable(reason: "it verifies every digest") }
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1])
            try bench.refused(FP_E_UNSUPPORTED, FP_E_INVALID, what: "write_commit with a digest not in caps.digests") {
                try writer.commit(
                    Writer.Commit(digestAlgorithm: unknown, digest: [UInt8](repeating: 0, count: 32)))
            }
            writer.close()
            try bench.check(absent: key, "after a commit that failed")
        },
        Case(
            "write.power", "FP_SYNC_POWER at the commit is honoured", .slot("FP_SYNC_POWER"),
            needs: [.caps(FP_CAP_POWER_DURABLE)]
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1, 2])
            try writer.commit(Writer.Commit(flags: FP_SYNC_POWER))
            writer.close()
            try bench.check(key, holds: [1, 2])
        },
        Case("write.too-large", "more than max_object_size is E_TOO_LARGE", .slot("fp_caps.max_object_size")) { bench in
            let most = try bench.caps.max_object_size
            guard most < 64 << 20 else { throw Inapplicable(reason: "max_object_size is 64 MiB or more") }
            let key = bench.key()
            try bench.refused(FP_E_TOO_LARGE, FP_E_NO_SPACE, what: "writing one byte more than max_object_size") {
                let writer = try bench.store.begin(key, Store.Begin(size: most + 1))
                defer { writer.close() }
                try bench.push(Pattern.bytes(Int(most) + 1), to: writer)
                try writer.commit()
            }
            try bench.check(absent: key, "after a write that failed")
        },
    ]

    private static func digest(
        _ name: String, _ algorithm: UInt32, _ compute: @escaping @Sendable ([UInt8]) -> [UInt8]
    ) -> Case {
        Case("write.digest-\(name)", "a right digest is taken, a wrong one is E_CHECKSUM", .slot("fp_caps.digests")) {
            bench in
            guard try bench.caps.digests & (1 << algorithm) != 0 else {
                throw Inapplicable(reason: "caps.digests does not have \(name)")
            }
            let bytes = Pattern.bytes(try bench.unit + 3)
            for isRight in [true, false] {
                let key = bench.key(isRight ? "right" : "wrong")
                let writer = try bench.store.begin(key, Store.Begin(size: UInt64(bytes.count)))
                try bench.push(bytes, to: writer)
                var digest = compute(bytes)
                if !isRight { digest[0] ^= 1 }
                let commit = Writer.Commit(digestAlgorithm: algorithm, digest: digest)
                if isRight {
                    try writer.commit(commit)
                } else {
                    try bench.refused(FP_E_CHECKSUM, "write_commit with a wrong digest") { try writer.commit(commit) }
                }
                writer.close()
                if isRight {
                    try bench.check(key, holds: bytes)
                } else {
                    try bench.check(absent: key, "after a wrong digest")
                }
            }
        }
    }
}
