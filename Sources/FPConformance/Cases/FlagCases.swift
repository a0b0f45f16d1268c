import FPContractDriver
import FPPluginAPI

/// A flag that nobody knows yet must be refused, and nothing done.
enum FlagCases {
    private static let unknown: UInt32 = 1 << 30

    static let all: [Case] = [
        refuses("health") { _, store in _ = try store.health(flags: unknown) },
        refuses("stat") { bench, store in
            try bench.put(bench.key(), [1])
            return { _ = try store.stat(bench.key(), flags: unknown) }
        },
        refuses("read_open") { bench, store in
            try bench.put(bench.key(), [1])
            return { try store.open(bench.key(), flags: unknown).close() }
        },
        refuses("write_begin") { bench, store in
            return { try store.begin(bench.key(), flags: unknown).close() }
        } after: { bench in
            try bench.check(absent: bench.key(), "after write_begin with an unknown flag")
            if try bench.has(FP_CAP_LIST_PENDING) {
                let found = try bench.store.all(ListRequest(pending: true, prefix: bench.key()))
                try bench.check(found.isEmpty, "write_begin with an unknown flag has begun a session")
            }
        },
        refuses("write_resume", needs: [.caps(FP_CAP_RESUMABLE)]) { bench, store in
            let writer = try store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write([1, 2])
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            return {
                if case .open(let writer) = try store.resume(writer.firstToken, flags: unknown) { writer.close() }
            }
        },
        refuses("write_sync", needs: [.caps(FP_CAP_RESUMABLE)]) { bench, store in
            let writer = try store.begin(bench.key(), flags: FP_W_RESUMABLE)
            return { try writer.sync(unknown) }
        },
        refuses("write_commit") { bench, store in
            let writer = try store.begin(bench.key())
            try writer.write([1])
            return {
                defer { writer.close() }
                try writer.commit(flags: unknown)
            }
        } after: { bench in
            try bench.check(absent: bench.key(), "after write_commit with an unknown flag")
        },
        refuses("remove") { bench, store in
            try bench.put(bench.key(), [1])
            return { try store.remove(bench.key(), flags: unknown) }
        } after: { bench in
            try bench.check(bench.key(), holds: [1])
        },
        refuses("copy", needs: [.caps(FP_CAP_COPY)]) { bench, store in
            try bench.put(bench.key("source"), [1])
            return { _ = try store.copy(bench.key("source"), to: bench.key(), flags: unknown) }
        } after: { bench in
            try bench.check(absent: bench.key(), "after copy with an unknown flag")
        },
        refuses("move", needs: [.caps(FP_CAP_MOVE)]) { bench, store in
            try bench.put(bench.key(), [1])
            return { _ = try store.copy(bench.key(), to: bench.key("target"), flags: FP_COPY_MOVE | unknown) }
        } after: { bench in
            try bench.check(bench.key(), holds: [1])
        },
        refuses("transfer", needs: [.transfer]) { bench, store in
            try bench.put(bench.key(), [1])
            let other = try bench.another()
            return { _ = try other.copy(bench.key(), to: bench.key("target"), flags: unknown, from: store) }
        },
        refuses("list", needs: [.caps(FP_CAP_LIST)]) { _, store in
            { _ = try store.page(ListRequest(flags: unknown)) }
        },
        refuses("list_pending", needs: [.caps(FP_CAP_LIST_PENDING)]) { _, store in
            { _ = try store.page(ListRequest(pending: true, flags: unknown)) }
        },
        refuses("presign", needs: [.caps(FP_CAP_PRESIGN)]) { bench, store in
            { _ = try store.presign(bench.key(), flags: unknown) }
        },
    ]

    private static func refuses(
        _ slot: String, needs: [Need] = [], _ call: @escaping @Sendable (Bench, Store) throws -> Void
    ) -> Case {
        refuses(slot, needs: needs) { bench, store in { try call(bench, store) } }
    }

    /// - Parameter prepare: makes ready, and gives the call that must be refused.
    private static func refuses(
        _ slot: String, needs: [Need] = [],
        _ prepare: @escaping @Sendable (Bench, Store) throws -> () throws -> Void,
        after: @escaping @Sendable (Bench) throws -> Void = { _ in }
    ) -> Case {
        Case("abi.flags.\(slot)", "\(slot) refuses a flag that it does not know", .rule(1), needs: needs) { bench in
            let call = try prepare(bench, bench.store)
            try bench.refused(FP_E_UNSUPPORTED, "\(slot) with an unknown flag", call)
            try after(bench)
        }
    }
}
