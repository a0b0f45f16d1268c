import FPContractDriver
import FPPluginAPI

/// Resumable writes in one process: how far they are and where they go on.
enum ResumeCases {
    static let all: [Case] = [
        resumable("closed", "write_close without write_commit keeps the session", .slot("write_close")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 100, bench)
            let accepted = writer.offset
            writer.close()
            try bench.check(absent: key, "after write_close without write_commit")
            try finish(writer.firstToken, key, bench, durable: 0, accepted: accepted)
        },
        resumable("nothing-written", "a session without a byte can be resumed", .slot("write_resume")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            writer.close()
            try finish(writer.firstToken, key, bench, durable: 0, accepted: 0, extra: 100)
        },
        resumable("empty-object", "a session without a byte can be committed", .slot("write_commit")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.commit()
            writer.close()
            try bench.check(key, holds: [])
            try bench.check(committed: writer.firstToken)
        },
        resumable("durable-never-decreases", "durable_offset never goes back and never runs ahead", .slot("write_sync"))
        { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
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
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
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
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            for end in [1, 1000, try bench.unit + 1] {
                try fill(writer, to: end, bench)
                let durable = try writer.sync(FP_SYNC_SUSPEND)
                try bench.check(
                    durable == writer.offset, "durable_offset is \(durable) of \(writer.offset) bytes written")
            }
            let accepted = writer.offset
            writer.close()
            try finish(writer.firstToken, key, bench, durable: accepted, accepted: accepted)
        },
        resumable("on-after-suspend", "a suspended writer goes on", .slot("FP_SYNC_SUSPEND")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
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
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try fill(writer, to: try bench.unit + 1, bench)
            try bench.check(writer.sync(FP_SYNC_POWER) <= writer.offset, "durable_offset runs ahead")
        },
        resumable("many-times", "a session can be resumed again and again", .slot("write_resume")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let token = writer.firstToken
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
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
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
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try fill(writer, to: 1000, bench)
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            let again = try bench.reopen(writer.firstToken)
            try bench.refused(FP_E_INVALID, "write one byte beyond durable_offset after write_resume") {
                try again.write([1], at: again.offset + 1)
            }
        },
        resumable("two-sessions", "two sessions of one key do not mix; the later commit wins or fails", .rule(7)) {
            bench in
            let key = bench.key()
            let one = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let other = try bench.store.begin(key, flags: FP_W_RESUMABLE)
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
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try fill(writer, to: 1000, bench)
            let durable = try writer.sync(FP_SYNC_SUSPEND)
            try bench.refused(FP_E_INVALID, "write_commit of 999 bytes after 1000") { try writer.commit(size: 999) }
            writer.close()
            try bench.check(absent: key, "after a commit that failed")
            try finish(writer.firstToken, key, bench, durable: durable, accepted: 1000)
        },
        resumable(
            "exists", "a resumed session still minds FP_W_IF_NOT_EXISTS", .slot("FP_W_IF_NOT_EXISTS"),
            also: FP_CAP_ATOMIC_CREATE
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)
            try fill(writer, to: 100, bench)
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            try bench.put(key, [1, 2])
            let again = try bench.reopen(writer.firstToken)
            try fill(again, to: 100, bench)
            try bench.refused(FP_E_EXISTS, "write_commit of a resumed session over a key made meanwhile") {
                _ = try again.commit()
            }
            again.close()
            try bench.check(key, holds: [1, 2])
        },
    ]

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
        let step = UInt64(try bench.writeSize)
        while writer.offset < UInt64(end) {
            try writer.write(Pattern.bytes(writer.offset..<min(writer.offset + step, UInt64(end))))
        }
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
}
