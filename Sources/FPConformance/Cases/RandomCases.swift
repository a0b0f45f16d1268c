import FPContractDriver
import FPPluginAPI

/// Random walks, which `--seed` brings back: whatever comes after whatever, the store agrees with a simple model.
enum RandomCases {
    static let all: [Case] = [
        Case(
            "random.objects", "after any sequence of puts, removals, copies and moves every object is as it should be",
            .rule(7)
        ) {
            bench in
            var model: [String: [UInt8]] = [:]
            let keys = (0..<6).map { bench.key("k\($0)/x") }
            for _ in 0..<120 { try step(&model, keys, bench) }
            for key in keys { try compare(key, model[key], bench) }
            if try bench.has(FP_CAP_LIST) {
                try bench.settle { try bench.store.all(ListRequest(prefix: bench.key(""))).count == model.count }
                let found = try Set(bench.store.all(ListRequest(prefix: bench.key(""), limit: 4)).map(\.key))
                try bench.check(found == Set(model.keys), "list shows \(found.count) of \(model.count) keys")
            }
        },
        Case(
            "random.session", "after any sequence of writes, syncs, closes, crashes and resumes the bytes are right",
            .slot("write_resume"), needs: [.caps(FP_CAP_RESUMABLE)]
        ) { bench in
            for round in 0..<3 { try walk(bench.key("\(round)"), bench) }
        },
    ]

    private static func step(_ model: inout [String: [UInt8]], _ keys: [String], _ bench: Bench) throws {
        let key = keys[Int.random(in: keys.indices, using: &bench.generator)]
        let other = keys[Int.random(in: keys.indices, using: &bench.generator)]
        let canReplace = try bench.has(FP_CAP_ATOMIC_REPLACE)
        switch Int.random(in: 0..<10, using: &bench.generator) {
        case 0..<4:
            guard model[key] == nil || canReplace else { return }
            let bytes = Pattern.bytes(
                Int.random(in: 0...9000, using: &bench.generator), seed: .random(in: 1...1000, using: &bench.generator))
            try bench.put(key, bytes)
            try bench.settle { try bench.store.lookup(key)?.size == UInt64(bytes.count) }
            model[key] = bytes
        case 4..<6:
            try bench.store.remove(key)
            try bench.settle { try bench.store.lookup(key) == nil }
            model[key] = nil
        case 6, 7:
            let isMove = Bool.random(using: &bench.generator)
            guard try bench.has(isMove ? FP_CAP_MOVE : FP_CAP_COPY), key != other, let bytes = model[key],
                model[other] == nil || canReplace
            else { return }
            _ = try bench.store.copy(key, to: other, flags: isMove ? FP_COPY_MOVE : 0)
            model[other] = bytes
            if isMove { model[key] = nil }
            try bench.settle { try bench.store.lookup(other)?.size == UInt64(bytes.count) }
        default: try compare(key, model[key], bench)
        }
    }

    private static func compare(_ key: String, _ expected: [UInt8]?, _ bench: Bench) throws {
        if let expected {
            try bench.check(key, holds: expected)
        } else {
            try bench.check(absent: key, "that was removed")
        }
    }

    /// One session from its beginning to its commit, partly in processes that are killed.
    private static func walk(_ key: String, _ bench: Bench) throws {
        let first = try bench.store.begin(key, flags: FP_W_RESUMABLE)
        let token = first.firstToken
        first.close()
        var tokens = [token]
        var accepted: UInt64 = 0
        var durable: UInt64 = 0
        for _ in 0..<5 {
            let peer = try bench.peer()
            let known = tokens[Int.random(in: tokens.indices, using: &bench.generator)]
            let offset = try peer.run(.resume(token: known, offset: FP_SIZE_UNKNOWN)).number
            try bench.check(
                (durable...accepted).contains(offset),
                "\(durable) bytes were safe and \(accepted) written, and \(offset) are there")
            accepted = offset
            for _ in 0..<Int.random(in: 0...5, using: &bench.generator) {
                if Int.random(in: 0..<3, using: &bench.generator) == 0 {
                    let flags = Bool.random(using: &bench.generator) ? FP_SYNC_SUSPEND : 0
                    let answer = try peer.run(.sync(flags: flags))
                    try bench.check(
                        answer.number >= durable, "durable_offset went from \(durable) to \(answer.number)")
                    durable = answer.number
                    if !answer.token.isEmpty { tokens.append(answer.token) }
                } else {
                    let count = Int.random(in: 1...(try bench.unit), using: &bench.generator)
                    accepted = try peer.run(.write(count: count, seed: 1)).number
                }
            }
            if Bool.random(using: &bench.generator) { try peer.run(.close) }
            peer.kill()
            try bench.check(absent: key, "before write_commit")
        }
        try ResumeCases.finish(token, key, bench, durable: durable, accepted: accepted)
    }
}
