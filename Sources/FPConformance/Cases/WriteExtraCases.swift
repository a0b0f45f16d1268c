import FPContractDriver
import FPPluginAPI

/// What may come with a write: types, metadata, digests, limits.
enum WriteExtraCases {
    static let all: [Case] = [
        Case("write.resumable-refused", "FP_W_RESUMABLE is E_UNSUPPORTED without the capability", .rule(1)) { bench in
            guard try !bench.has(FP_CAP_RESUMABLE) else { throw Inapplicable(reason: "it declares FP_CAP_RESUMABLE") }
            try bench.refused(FP_E_UNSUPPORTED, "write_begin with FP_W_RESUMABLE") {
                try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE).close()
            }
        },
        Case(
            "write.content-type", "the content type is stored and returned", .slot("FP_CAP_CONTENT_TYPE"),
            needs: [.caps(FP_CAP_CONTENT_TYPE)]
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, contentType: "image/png")
            try writer.write([1])
            try writer.commit()
            writer.close()
            let type = try bench.store.stat(key).contentType
            try bench.check(type == "image/png", "stat gives \"\(type)\", where \"image/png\" was written")
        },
        Case("write.hints", "a content type and metadata do no harm", .slot("fp_write_req")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(
                key, size: 3, contentType: "text/plain; charset=utf-8",
                metadata: [("name", "Übung.txt"), ("empty", ""), ("author", "a b")])
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
                try writer.commit(digestAlgorithm: unknown, digest: [UInt8](repeating: 0, count: 32))
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
            try writer.commit(flags: FP_SYNC_POWER)
            writer.close()
            try bench.check(key, holds: [1, 2])
        },
        Case("write.too-large", "more than max_object_size is E_TOO_LARGE", .slot("fp_caps.max_object_size")) { bench in
            let most = try bench.caps.max_object_size
            guard most < 64 << 20 else { throw Inapplicable(reason: "max_object_size is 64 MiB or more") }
            let key = bench.key()
            try bench.refused(FP_E_TOO_LARGE, FP_E_NO_SPACE, what: "writing one byte more than max_object_size") {
                let writer = try bench.store.begin(key, size: most + 1)
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
                let writer = try bench.store.begin(key, size: UInt64(bytes.count))
                try bench.push(bytes, to: writer)
                var digest = compute(bytes)
                if !isRight { digest[0] ^= 1 }
                if isRight {
                    try writer.commit(digestAlgorithm: algorithm, digest: digest)
                } else {
                    try bench.refused(FP_E_CHECKSUM, "write_commit with a wrong digest") {
                        try writer.commit(digestAlgorithm: algorithm, digest: digest)
                    }
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
