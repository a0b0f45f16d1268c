import FPContractDriver
import FPPluginAPI

/// Writes to a key that has an object, or must not have one.
enum ReplaceCases {
    static let all: [Case] = [
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
                let writer = try bench.store.begin(key, flags: FP_W_IF_NOT_EXISTS)
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
            let writer = try bench.store.begin(key, flags: FP_W_IF_NOT_EXISTS)
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
}
