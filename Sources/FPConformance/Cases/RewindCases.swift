import FPContractDriver
import FPPluginAPI

/// Sessions that are taken back.
enum RewindCases {
    static let all: [Case] = [
        Case(
            "rewind.unsupported", "an offset in write_resume is E_UNSUPPORTED without REWIND",
            .slot("fp_resume_req.offset"), needs: [.caps(FP_CAP_RESUMABLE)]
        ) {
            bench in
            guard try !bench.has(FP_CAP_REWIND) else { throw Inapplicable(reason: "it declares FP_CAP_REWIND") }
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            writer.close()
            try bench.refused(FP_E_UNSUPPORTED, "write_resume with an offset") {
                if case .open(let writer) = try bench.store.resume(writer.firstToken, at: 0) { writer.close() }
            }
        },
        rewind("to-zero", "a session can be taken back to its beginning, and take other bytes") { bench in
            let key = bench.key()
            let token = try staged(key, try bench.unit + 10, bench).token
            let writer = try bench.reopen(token, at: 0)
            try bench.check(writer.offset == 0, "write_resume at 0 gives durable_offset \(writer.offset)")
            let bytes = Pattern.bytes(3000, seed: 9)
            try writer.write(bytes)
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: bytes)
        },
        rewind("to-unit", "a session can be taken back to a multiple of rewind_unit") { bench in
            let key = bench.key()
            let unit = Int(try bench.caps.rewind_unit)
            guard unit <= 32 << 20 else {
                throw Inapplicable(reason: "rewind_unit is \(unit >> 20) MiB, which takes long to fill")
            }
            let place = unit == 1 ? 1234 : unit
            let staged = try staged(key, place + (try bench.unit) + 10, bench)
            try bench.check(
                staged.durable >= UInt64(place), "\(staged.durable) bytes are durable, where \(place) were due")
            let writer = try bench.reopen(staged.token, at: UInt64(place))
            try bench.check(
                writer.offset == UInt64(place), "write_resume at \(place) gives durable_offset \(writer.offset)")
            try writer.write(Pattern.bytes(500, seed: 9))
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(place) + Pattern.bytes(500, seed: 9))
        },
        rewind("to-durable", "a session can be resumed at exactly what is durable") { bench in
            let key = bench.key()
            let staged = try staged(key, try bench.unit + 10, bench)
            let writer = try bench.reopen(staged.token, at: staged.durable)
            try bench.check(writer.offset == staged.durable, "write_resume gives durable_offset \(writer.offset)")
            try ResumeCases.fill(writer, to: try bench.unit + 100, bench)
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(try bench.unit + 100))
        },
        rewind("beyond", "an offset beyond what is durable is E_RANGE") { bench in
            let staged = try staged(bench.key(), 1000, bench)
            // A whole number of units, so that only the range can be what is wrong.
            let unit = try bench.caps.rewind_unit
            let place = (1000 / unit + 1) * unit
            try bench.refused(FP_E_RANGE, "write_resume at \(place) of 1000 bytes") {
                if case .open(let writer) = try bench.store.resume(staged.token, at: place) { writer.close() }
            }
            try ResumeCases.finish(staged.token, bench.key(), bench, durable: staged.durable, accepted: 1000)
        },
        rewind(
            "between-units",
            "an offset that rewind_unit does not allow is taken exactly, or E_UNSUPPORTED, and the session stays"
        ) {
            bench in
            let unit = try bench.caps.rewind_unit
            guard unit > 1 else { throw Inapplicable(reason: "rewind_unit is 1") }
            let key = bench.key()
            let accepted = try bench.unit * 2 + 10
            let staged = try staged(key, accepted, bench)
            guard staged.durable > 1 else { throw Inapplicable(reason: "nothing is durable after two units") }
            let place = (staged.durable - 1) % unit == 0 ? staged.durable - 2 : staged.durable - 1
            do {
                // A plugin may allow more than it declares.
                let writer = try bench.reopen(staged.token, at: place)
                try bench.check(
                    writer.offset == place, "write_resume at \(place) gives durable_offset \(writer.offset)")
                writer.close()
                try ResumeCases.finish(staged.token, key, bench, durable: place, accepted: place)
            } catch let failure as Failure where failure.slot == "write_resume" {
                try bench.check(failure.status == FP_E_UNSUPPORTED, "\(failure), where FP_E_UNSUPPORTED was due")
                try ResumeCases.finish(
                    staged.token, key, bench, durable: staged.durable, accepted: UInt64(accepted))
            }
        },
        rewind("since-sync", "a session can be resumed anywhere between its last sync and what is durable") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: try bench.unit + 100, bench)
            let synced = try writer.sync(FP_SYNC_SUSPEND)
            try ResumeCases.fill(writer, to: try bench.unit + 500, bench)
            writer.close()
            let open = try bench.reopen(writer.firstToken)
            let durable = open.offset
            open.close()
            try bench.check(durable >= synced, "\(synced) bytes were safe, and \(durable) are there")
            let again = try bench.reopen(writer.firstToken, at: synced)
            try bench.check(again.offset == synced, "write_resume at \(synced) gives durable_offset \(again.offset)")
            try again.write(Pattern.bytes(100, seed: 9))
            try again.commit()
            again.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(Int(synced)) + Pattern.bytes(100, seed: 9))
        },
        rewind("for-good", "bytes behind the offset are dropped for good") { bench in
            let key = bench.key()
            let staged = try staged(key, try bench.unit + 10, bench)
            try bench.reopen(staged.token, at: 0).close()
            let writer = try bench.reopen(staged.token)
            try bench.check(writer.offset == 0, "after a rewind to 0, \(writer.offset) bytes are there again")
            try writer.write([5, 6])
            try writer.commit()
            writer.close()
            try bench.check(key, holds: [5, 6])
        },
        rewind("killed", "a rewind and what is written after it outlive a crash") { bench in
            let key = bench.key()
            let staged = try staged(key, try bench.unit + 10, bench)
            let peer = try bench.peer()
            _ = try peer.run(.resume(token: staged.token, offset: 0))
            try peer.run(.write(count: 700, seed: 9))
            let durable = try peer.run(.sync(flags: FP_SYNC_SUSPEND)).number
            peer.kill()
            let writer = try bench.reopen(staged.token)
            try bench.check(
                (durable...700).contains(writer.offset),
                "durable_offset is \(writer.offset), where \(durable) to 700 were due")
            try writer.write(Pattern.bytes(writer.offset..<900, seed: 9))
            try writer.commit()
            writer.close()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(900, seed: 9))
        },
        rewind("committed", "a rewind of a committed session is COMMITTED, and the object stays") { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write([1, 2, 3])
            try writer.commit()
            writer.close()
            if case .open(let again) = try bench.store.resume(writer.firstToken, at: 0) {
                again.close()
                throw Broken("write_resume says OPEN of a session whose commit has succeeded")
            }
            try bench.check(key, holds: [1, 2, 3])
        },
    ]

    private static func rewind(_ name: String, _ promise: String, _ run: @escaping @Sendable (Bench) throws -> Void)
        -> Case
    {
        Case("rewind.\(name)", promise, .slot("FP_CAP_REWIND"), needs: [.caps(FP_CAP_RESUMABLE | FP_CAP_REWIND)], run)
    }

    /// A session with so many bytes in it, closed.
    private static func staged(_ key: String, _ count: Int, _ bench: Bench) throws -> (token: [UInt8], durable: UInt64)
    {
        let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
        try ResumeCases.fill(writer, to: count, bench)
        let durable = try writer.sync(FP_SYNC_SUSPEND)
        writer.close()
        return (writer.firstToken, durable)
    }
}
