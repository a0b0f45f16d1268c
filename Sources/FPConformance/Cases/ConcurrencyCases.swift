import FPContractDriver
import FPPluginAPI
import Glibc

/// Many threads at once, as far as the plugin allows it.
enum ConcurrencyCases {
    static let all: [Case] = [
        parallel("streams", "64 writes and reads side by side keep their bytes apart") { bench in
            let size = 30_000
            try HostThreads.run(64) { index in
                let bytes = Pattern.bytes(size + index, seed: UInt64(index + 1))
                let key = bench.key("\(index)")
                let writer = try bench.store.begin(key)
                for start in stride(from: 0, to: bytes.count, by: 7000) {
                    try writer.write(Array(bytes[start..<min(start + 7000, bytes.count)]))
                }
                try writer.commit()
                writer.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: bytes)
            }
        },
        parallel("readers", "sixteen readers of one object do not disturb each other") { bench in
            let key = bench.key()
            let bytes = Pattern.bytes(try bench.unit + 100_000)
            try bench.put(key, bytes)
            try HostThreads.run(16) { index in
                let offset = index * 1000
                try bench.check(bench.store.get(key, offset: UInt64(offset)), is: Array(bytes[offset...]), "the range")
            }
        },
        parallel("mixed", "stat, read, write, list and remove side by side") { bench in
            let canList = try bench.has(FP_CAP_LIST)
            try HostThreads.run(8) { index in
                for round in 0..<10 {
                    let key = bench.key("\(index)/\(round)")
                    let bytes = Pattern.bytes(1000 + round, seed: UInt64(index * 100 + round))
                    try bench.put(key, bytes)
                    if canList {
                        let found = try bench.store.all(ListRequest(prefix: bench.key("\(index)/")))
                        try bench.check(found.contains { $0.key == key }, "list does not show \(key)")
                    }
                    try bench.check(key, holds: bytes)
                    if round % 2 == 0 { try bench.store.remove(key) }
                }
            }
        },
        parallel("one-directory", "objects come and go side by side under one parent") { bench in
            try HostThreads.run(8) { index in
                for round in 0..<10 {
                    let key = bench.key("shared/\(index)")
                    try bench.put(key, [UInt8(round)])
                    try bench.check(key, holds: [UInt8(round)])
                    try bench.store.remove(key)
                    try bench.settle { try bench.store.lookup(key) == nil }
                }
            }
        },
        parallel("create", "of racing threads with FP_W_IF_NOT_EXISTS exactly one wins", also: FP_CAP_ATOMIC_CREATE) {
            bench in
            for round in 0..<6 {
                let key = bench.key("\(round)")
                let lock = Lock()
                var wins: [Int] = []
                try HostThreads.run(8) { index in
                    let writer: Writer
                    do {
                        writer = try bench.store.begin(key, flags: FP_W_IF_NOT_EXISTS)
                    } catch let failure as Failure where failure.status == FP_E_EXISTS {
                        return
                    }
                    defer { writer.close() }
                    try writer.write(Pattern.bytes(2000, seed: UInt64(index)))
                    do {
                        try writer.commit()
                        lock.with { wins.append(index) }
                    } catch let failure as Failure where failure.status == FP_E_EXISTS {}
                }
                try bench.check(wins.count == 1, "\(wins.count) of 8 succeeded")
                try bench.check(key, holds: Pattern.bytes(2000, seed: UInt64(wins[0])))
            }
        },
        parallel("sessions", "sessions side by side keep their bytes apart", also: FP_CAP_RESUMABLE) { bench in
            try HostThreads.run(12) { index in
                let key = bench.key("\(index)")
                let first = try bench.store.begin(key, flags: FP_W_RESUMABLE)
                try first.write(Pattern.bytes(4000, seed: UInt64(index)))
                try first.sync(FP_SYNC_SUSPEND)
                first.close()
                let second = try bench.reopen(first.firstToken)
                try second.write(Pattern.bytes(second.offset..<9000, seed: UInt64(index)))
                try second.commit()
                second.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: Pattern.bytes(9000, seed: UInt64(index)))
            }
        },
        parallel("health", "health, caps and work side by side") { bench in
            try HostThreads.run(8) { index in
                for round in 0..<10 {
                    if index % 2 == 0 {
                        _ = try bench.store.health()
                        _ = try bench.store.capabilities()
                    } else {
                        try bench.put(bench.key("\(index)-\(round)"), [1])
                    }
                }
            }
        },
        Case("threads.two-instances", "two stores may be called side by side", .slot("fp_caps.threading")) { bench in
            guard try bench.caps.threading != FP_THREADS_SERIAL_LIBRARY else {
                throw Inapplicable(reason: "it declares SERIAL_LIBRARY")
            }
            let stores = try (0..<4).map { _ in try bench.another() }
            try HostThreads.run(4) { index in
                for round in 0..<15 {
                    let key = bench.key("\(index)-\(round)")
                    let store = stores[index]
                    let writer = try store.begin(key)
                    try writer.write([UInt8(index)])
                    try writer.commit()
                    writer.close()
                    try bench.settle { try bench.store.lookup(key) != nil }
                    try bench.check(store.get(key), is: [UInt8(index)], "the object")
                }
            }
        },
        Case("threads.small-stack", "1 MiB of stack is enough for every call", .rule(3)) { bench in
            // Every case runs on such a thread; here with the deepest keys and the largest buffers.
            let room = Int(try bench.caps.max_key_bytes) - bench.key("").utf8.count
            let key = bench.key(String(repeating: "d/", count: max(0, min(room / 2 - 1, 300))) + "x")
            try HostThreads.run {
                try bench.put(key, Pattern.bytes(1 << 20))
                try bench.check(key, holds: Pattern.bytes(1 << 20))
                if try bench.has(FP_CAP_LIST) { _ = try bench.store.all(ListRequest(prefix: bench.key(""))) }
                try bench.store.remove(key)
            }
        },
    ]

    private static func parallel(
        _ name: String, _ promise: String, also bits: UInt64 = 0, _ run: @escaping @Sendable (Bench) throws -> Void
    ) -> Case {
        Case("threads.\(name)", promise, .slot("fp_caps.threading"), needs: [.parallel, .caps(bits)], run)
    }
}
