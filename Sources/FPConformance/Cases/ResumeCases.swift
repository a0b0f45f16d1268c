import FPPluginAPI
import Glibc

/// Resumable writes in one process: tokens, offsets, ends.
enum ResumeCases {
    static let all: [Case] = (tokens + offsets + ends + fences)

    static func resumable(
        _ name: String, _ promise: String, _ clause: Clause, also bits: UInt64 = 0,
        _ run: @escaping @Sendable (Bench) throws -> Void
    ) -> Case {
        Case("resume.\(name)", promise, clause, needs: [.caps(FP_CAP_RESUMABLE | bits)], run)
    }

    /// Writes on from a writer's offset to `end` with the bytes of the pattern.
    static func fill(_ writer: Writer, to end: Int, _ bench: Bench) throws {
        guard writer.offset <= UInt64(end) else {
            throw Broken("the session stands at \(writer.offset), beyond \(end)")
        }
        try bench.push(Pattern.bytes(writer.offset..<UInt64(end)), to: writer)
    }

    /// Goes on to the end with a session of which `accepted` bytes had been taken and `durable` were said to be safe.
    static func finish(
        _ token: [UInt8], _ key: String, _ bench: Bench, durable: UInt64, accepted: UInt64, extra: Int = 777
    ) throws {
        let writer = try bench.reopen(token)
        try bench.check(
            writer.offset >= durable,
            "write_resume gives durable_offset \(writer.offset), where \(durable) bytes were safe",
            .slot("fp_write_state.durable_offset"))
        try bench.check(
            writer.offset <= accepted,
            "write_resume gives durable_offset \(writer.offset) of \(accepted) bytes ever written",
            .slot("fp_write_state.durable_offset"))
        let end = Int(accepted) + extra
        try fill(writer, to: end, bench)
        try writer.commit()
        writer.close()
        try bench.settle { try bench.store.lookup(key) != nil }
        try bench.check(key, holds: Pattern.bytes(end))
    }

    private static let tokens: [Case] = [
        resumable("token", "write_begin gives a token of at most FP_TOKEN_MAX bytes", .slot("write_begin")) { bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            try bench.check(
                (1...Int(FP_TOKEN_MAX)).contains(writer.token.count), "the token has \(writer.token.count) bytes")
        },
        resumable("tokens-differ", "two sessions have two tokens, even for one key", .slot("write_begin")) { bench in
            let key = bench.key()
            let one = try bench.store.begin(key, FP_W_RESUMABLE)
            let other = try bench.store.begin(key, FP_W_RESUMABLE)
            try bench.check(one.token != other.token, "two sessions share a token")
        },
        resumable("token-no-secrets", "a token holds no credentials", .slot("write_begin")) { bench in
            let secrets = bench.plan.options.secrets
            guard !secrets.isEmpty else { throw Inapplicable(reason: "no secret option is given") }
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            let text = String(decoding: writer.token, as: UTF8.self)
            try bench.check(!secrets.contains { text.contains($0) }, "the token tells a secret option's value")
        },
        resumable("token-unknown", "the token of no session is E_GONE", .slot("write_resume")) { bench in
            for token in [
                Array("none of yours".utf8), [0], [UInt8](repeating: 0xFF, count: 100),
                [UInt8](repeating: 0x61, count: Int(FP_TOKEN_MAX)),
            ] {
                try bench.check(gone: token, "by a token of \(token.count) bytes that it never gave out")
            }
        },
        resumable(
            "token-damaged", "a damaged token is E_GONE, or still names its session, and never crashes",
            .slot("write_resume")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            let token = writer.token
            try writer.write([1, 2, 3])
            writer.close()
            for _ in 0..<40 {
                var damaged = token
                let place = Int.random(in: damaged.indices, using: &bench.generator)
                switch Int.random(in: 0...2, using: &bench.generator) {
                case 0: damaged[place] ^= UInt8.random(in: 1...255, using: &bench.generator)
                case 1: damaged = Array(damaged[..<place])
                default: damaged.insert(UInt8.random(in: 0...255, using: &bench.generator), at: place)
                }
                if damaged.isEmpty { continue }
                do {
                    if case .open(let writer) = try bench.store.resume(damaged) { writer.close() }
                } catch let failure as Failure {
                    try bench.check(
                        [FP_E_GONE, FP_E_INVALID, FP_E_DENIED].contains(failure.status),
                        "\(failure) for a damaged token")
                }
            }
        },
        resumable("sync-token", "a token from write_sync is as good as the first", .slot("write_begin")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: 2 * (try bench.unit) + 10, bench)
            let durable = try writer.sync()
            let token = writer.lastToken
            let accepted = writer.offset
            writer.close()
            try finish(token, key, bench, durable: durable, accepted: accepted)
        },
        resumable("first-token", "the first token stays good, whatever newer ones there are", .slot("write_begin")) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            let token = writer.token
            var durable: UInt64 = 0
            for _ in 0..<3 {
                try fill(writer, to: Int(writer.offset) + (try bench.unit) + 5, bench)
                durable = try writer.sync()
            }
            let accepted = writer.offset
            writer.close()
            try finish(token, key, bench, durable: durable, accepted: accepted)
        },
        resumable("other-instance", "a token is good on another store with the same options", .slot("write_begin")) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: 5000, bench)
            try writer.sync()
            writer.close()
            let other = try bench.another()
            let again = try bench.reopen(writer.token, in: other)
            try fill(again, to: 9000, bench)
            try again.commit()
            again.close()
            try bench.check(key, holds: Pattern.bytes(9000))
        },
    ]

    private static let offsets: [Case] = [
        resumable("closed", "write_close without write_commit keeps the session", .slot("write_close")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 100, bench)
            let accepted = writer.offset
            writer.close()
            try bench.check(absent: key, "after write_close without write_commit")
            try finish(writer.token, key, bench, durable: 0, accepted: accepted)
        },
        resumable("nothing-written", "a session without a byte can be resumed", .slot("write_resume")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            writer.close()
            try finish(writer.token, key, bench, durable: 0, accepted: 0, extra: 100)
        },
        resumable("empty-object", "a session without a byte can be committed", .slot("write_commit")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try writer.commit()
            writer.close()
            try bench.check(key, holds: [])
            try bench.check(committed: writer.token)
        },
        resumable("durable-never-decreases", "durable_offset never goes back and never runs ahead", .slot("write_sync"))
        { bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            var last: UInt64 = 0
            for _ in 0..<8 {
                let count = Int.random(in: 1...(try bench.unit), using: &bench.generator)
                try fill(writer, to: Int(writer.offset) + count, bench)
                let durable = try writer.sync()
                try bench.check(durable >= last, "durable_offset went from \(last) to \(durable)")
                try bench.check(
                    durable <= writer.offset, "durable_offset is \(durable) of \(writer.offset) bytes written")
                last = durable
            }
        },
        resumable("durable-unit", "durable_offset lags by less than one durable_unit", .slot("fp_caps.durable_unit")) {
            bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            let unit = max(1, try bench.caps.durable_unit)
            for end in [1, try bench.unit, try bench.unit * 2 + 17] {
                try fill(writer, to: end, bench)
                let durable = try writer.sync()
                try bench.check(
                    durable + unit > writer.offset,
                    "durable_offset is \(durable) of \(writer.offset) bytes, with a durable_unit of \(unit)")
            }
        },
        resumable(
            "durable-tail", "write_sync makes any count durable", .slot("FP_CAP_DURABLE_TAIL"),
            also: FP_CAP_DURABLE_TAIL
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            for end in [1, 1000, try bench.unit + 1] {
                try fill(writer, to: end, bench)
                let durable = try writer.sync(FP_SYNC_SUSPEND)
                try bench.check(
                    durable == writer.offset, "durable_offset is \(durable) of \(writer.offset) bytes written")
            }
            let accepted = writer.offset
            writer.close()
            try finish(writer.token, key, bench, durable: accepted, accepted: accepted)
        },
        resumable("on-after-suspend", "a suspended writer goes on", .slot("FP_SYNC_SUSPEND")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            for end in [1000, try bench.unit + 1000, try bench.unit * 2 + 1] {
                try fill(writer, to: end, bench)
                try writer.sync(FP_SYNC_SUSPEND)
            }
            let size = Int(writer.offset)
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(size))
        },
        resumable("sync-power", "FP_SYNC_POWER is honoured", .slot("FP_SYNC_POWER"), also: FP_CAP_POWER_DURABLE) {
            bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 1, bench)
            try bench.check(writer.sync(FP_SYNC_POWER) <= writer.offset, "durable_offset runs ahead")
        },
        resumable("many-times", "a session can be resumed again and again", .slot("write_resume")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            let token = writer.token
            writer.close()
            let end = try bench.unit * 2 + 5
            for part in 1...6 {
                let again = try bench.reopen(token)
                try fill(again, to: max(Int(again.offset), end * part / 6), bench)
                try again.sync(FP_SYNC_SUSPEND)
                again.close()
            }
            let last = try bench.reopen(token)
            try fill(last, to: end, bench)
            try last.commit()
            last.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(end))
        },
        resumable("invisible", "staged bytes are in neither stat nor read_open nor list", .rule(7)) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 1, bench)
            try writer.sync(FP_SYNC_SUSPEND)
            for when in ["while its session is open", "after its session was closed"] {
                try bench.check(absent: key, when)
                if try bench.has(FP_CAP_LIST) {
                    let found = try bench.store.all(ListRequest(prefix: key))
                    try bench.check(found.isEmpty, "list shows the object \(when)")
                }
                writer.close()
            }
        },
        resumable("wrong-offset", "the first write after write_resume begins at durable_offset", .slot("write_resume"))
        { bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            try fill(writer, to: 1000, bench)
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            let again = try bench.reopen(writer.token)
            try bench.refused(FP_E_INVALID, "write one byte beyond durable_offset after write_resume") {
                try again.write([1], at: again.offset + 1)
            }
        },
        resumable("two-sessions", "two sessions of one key do not mix; the later commit wins or fails", .rule(7)) {
            bench in
            let key = bench.key()
            let one = try bench.store.begin(key, FP_W_RESUMABLE)
            let other = try bench.store.begin(key, FP_W_RESUMABLE)
            for _ in 0..<3 {
                try one.write(Pattern.bytes(one.offset..<one.offset + 1000, seed: 1))
                try other.write(Pattern.bytes(other.offset..<other.offset + 1000, seed: 2))
            }
            try one.commit()
            try bench.check(key, holds: Pattern.bytes(3000, seed: 1))
            do {
                try other.commit()
                try bench.check(key, holds: Pattern.bytes(3000, seed: 2))
            } catch is Failure {
                try bench.check(key, holds: Pattern.bytes(3000, seed: 1))
            }
        },
        resumable("commit-wrong-size", "a commit that fails keeps the session", .slot("write_commit")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: 1000, bench)
            let durable = try writer.sync(FP_SYNC_SUSPEND)
            try bench.refused(FP_E_INVALID, "write_commit of 999 bytes after 1000") { try writer.commit(size: 999) }
            writer.close()
            try bench.check(absent: key, "after a commit that failed")
            try finish(writer.token, key, bench, durable: durable, accepted: 1000)
        },
        resumable(
            "exists", "a resumed session still minds FP_W_IF_NOT_EXISTS", .slot("FP_W_IF_NOT_EXISTS"),
            also: FP_CAP_ATOMIC_CREATE
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)
            try fill(writer, to: 100, bench)
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            try bench.put(key, [1, 2])
            let again = try bench.reopen(writer.token)
            try fill(again, to: 100, bench)
            try bench.refused(FP_E_EXISTS, "write_commit of a resumed session over a key made meanwhile") {
                _ = try again.commit()
            }
            again.close()
            try bench.check(key, holds: [1, 2])
        },
    ]

    private static let ends: [Case] = [
        resumable("commit-again", "write_resume after the commit is COMMITTED", .slot("write_resume")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 9, bench)
            try writer.sync()
            let tokens = [writer.token, writer.lastToken]
            try writer.commit()
            writer.close()
            for token in tokens {
                for _ in 0..<2 { try bench.check(committed: token) }
            }
        },
        resumable(
            "committed-expected-size", "expected_size does not keep a commit from being known",
            .slot("fp_resume_req.expected_size")
        ) {
            bench in
            let writer = try bench.store.begin(bench.key(), Store.Begin(flags: FP_W_RESUMABLE, size: 100))
            try fill(writer, to: 100, bench)
            try writer.commit()
            writer.close()
            guard case .committed = try bench.store.resume(writer.token, expecting: 100) else {
                throw Broken("write_resume says OPEN of a session whose commit has succeeded")
            }
        },
        resumable("aborted", "write_abort makes every token E_GONE", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 1, bench)
            try writer.sync()
            let tokens = [writer.token, writer.lastToken]
            try writer.abort()
            writer.close()
            for token in tokens { try bench.check(gone: token, "after write_abort") }
            try bench.check(absent: key, "after write_abort")
        },
        resumable("discarded", "write_discard makes every token E_GONE", .slot("write_discard")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 1, bench)
            try writer.sync()
            let tokens = [writer.token, writer.lastToken]
            writer.close()
            try bench.store.discard(tokens[0])
            for token in tokens { try bench.check(gone: token, "after write_discard") }
            try bench.check(absent: key, "after write_discard")
        },
        resumable("discard-twice", "write_discard of a token that is gone is FP_OK", .slot("write_discard")) { bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            writer.close()
            for _ in 0..<3 { try bench.store.discard(writer.token) }
        },
        resumable("discard-unknown", "write_discard of an unknown token is FP_OK", .slot("write_discard")) { bench in
            try bench.store.discard(Array("none of yours".utf8))
        },
        resumable("discard-committed", "write_discard after the commit leaves the object", .slot("write_discard")) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, FP_W_RESUMABLE)
            try writer.write([1, 2, 3])
            try writer.commit()
            writer.close()
            try bench.store.discard(writer.token)
            try bench.check(key, holds: [1, 2, 3])
        },
        resumable("discard-one-of-two", "write_discard ends its own session only", .slot("write_discard")) { bench in
            let key = bench.key()
            let one = try bench.store.begin(key, FP_W_RESUMABLE)
            let other = try bench.store.begin(key, FP_W_RESUMABLE)
            try one.write(Pattern.bytes(100))
            try other.write(Pattern.bytes(100))
            one.close()
            try bench.store.discard(one.token)
            try other.commit()
            other.close()
            try bench.check(key, holds: Pattern.bytes(100))
        },
        resumable(
            "gone-not-committed",
            "a session that was dropped is E_GONE, even if its key has an object of the same size",
            .slot("write_resume")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, Store.Begin(flags: FP_W_RESUMABLE, size: 1000))
            try writer.write(Pattern.bytes(1000))
            try writer.sync()
            try writer.abort()
            writer.close()
            try bench.put(key, Pattern.bytes(1000, seed: 2))
            try bench.refused(FP_E_GONE, "write_resume of an aborted session whose key another has taken") {
                if case .open(let writer) = try bench.store.resume(writer.token, expecting: 1000) { writer.close() }
            }
        },
    ]

    private static let fences: [Case] = [
        resumable(
            "fenced", "write_resume of a session with a live writer is E_CONFLICT", .slot("FP_CAP_FENCED"),
            also: FP_CAP_FENCED
        ) {
            bench in
            let writer = try bench.store.begin(bench.key(), FP_W_RESUMABLE)
            try writer.write([1])
            try bench.refused(FP_E_CONFLICT, "write_resume of a session with a live writer") {
                if case .open(let second) = try bench.store.resume(writer.token) { second.close() }
            }
            writer.close()
            try bench.reopen(writer.token).close()
        },
        resumable(
            "fenced-elsewhere", "E_CONFLICT comes across processes too, and goes with the process",
            .slot("FP_CAP_FENCED"), also: FP_CAP_FENCED
        ) {
            bench in
            let peer = try bench.peer()
            let token = try peer.run(.begin(key: bench.key(), flags: FP_W_RESUMABLE)).token
            try bench.refused(FP_E_CONFLICT, "write_resume of a session with a live writer in another process") {
                if case .open(let second) = try bench.store.resume(token) { second.close() }
            }
            peer.kill()
            try bench.reopen(token).close()
        },
    ]
}
