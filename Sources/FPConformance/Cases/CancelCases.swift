import FPContractDriver
import FPPluginAPI
import Glibc

/// Calls that are cancelled, or whose time is up, and error messages in small buffers.
enum CancelCases {
    static let all: [Case] =
        operations.flatMap { operation in
            [
                Case(
                    "cancel.\(operation.name)", "\(operation.name), cancelled, returns soon and breaks nothing",
                    .rule(4),
                    needs: operation.needs
                ) { bench in
                    let cancellation = Cancellation()
                    cancellation.cancel()
                    try interrupt(operation, bench) { $0.cancellation = cancellation }
                },
                Case(
                    "deadline.\(operation.name)",
                    "\(operation.name), its deadline past, returns soon and breaks nothing",
                    .rule(4), needs: operation.needs
                ) { bench in
                    try interrupt(operation, bench) { $0.deadline = MonotonicClock.nanoseconds - 1_000_000_000 }
                },
            ]
        } + errors

    /// A call that is made under an interrupted context, and what makes it possible.
    struct Operation: Sendable {
        let name: String
        var needs: [Need] = []
        /// Makes ready in peace, and gives the call and what ends it.
        let prepare: @Sendable (Bench) throws -> (call: () throws -> Void, end: () throws -> Void)
    }

    private static func interrupt(_ operation: Operation, _ bench: Bench, _ change: (inout Invocation) -> Void) throws {
        let prepared = try operation.prepare(bench)
        let start = MonotonicClock.seconds
        do {
            try bench.store.with(change, prepared.call)
        } catch let failure as Failure {
            try bench.check(
                [FP_E_CANCELLED, FP_E_TIMEOUT].contains(failure.status),
                "\(failure), where FP_OK, FP_E_CANCELLED or FP_E_TIMEOUT was due")
        }
        let took = MonotonicClock.seconds - start
        // A second is promised; the rest is for a busy machine.
        try bench.check(took < 5, "it took \(Int(took)) s")
        try prepared.end()
        let key = bench.key("afterwards")
        try bench.put(key, Pattern.bytes(100))
        try bench.check(key, holds: Pattern.bytes(100))
    }

    private static let operations: [Operation] = [
        Operation(name: "health") { bench in
            let store = try bench.store
            return ({ _ = try store.health() }, {})
        },
        Operation(name: "stat") { bench in
            try bench.put(bench.key(), [1])
            return ({ _ = try bench.store.stat(bench.key()) }, {})
        },
        Operation(name: "read_open") { bench in
            try bench.put(bench.key(), [1])
            return ({ try bench.store.open(bench.key()).close() }, {})
        },
        Operation(name: "read") { bench in
            try bench.put(bench.key(), Pattern.bytes(try bench.unit + 100_000))
            let reader = try bench.store.open(bench.key())
            _ = try reader.read(10)
            return ({ _ = try reader.read() }, { reader.close() })
        },
        Operation(name: "read_fd", needs: [.readFD]) { bench in
            try bench.put(bench.key(), [1])
            let reader = try bench.store.open(bench.key())
            return ({ _ = try reader.file() }, { reader.close() })
        },
        Operation(name: "write_begin") { bench in
            _ = try bench.caps
            return (
                { try bench.store.begin(bench.key()).close() }, { try bench.check(absent: bench.key(), "afterwards") }
            )
        },
        Operation(name: "write") { bench in
            let writer = try bench.store.begin(bench.key())
            let bytes = Pattern.bytes(try bench.unit + 1)
            return (
                { try writer.write(bytes) },
                {
                    writer.close()
                    try bench.check(absent: bench.key(), "afterwards")
                }
            )
        },
        Operation(name: "write_sync", needs: [.caps(FP_CAP_RESUMABLE)]) { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(1000))
            return (
                { try writer.sync(FP_SYNC_SUSPEND) },
                {
                    writer.close()
                    try ResumeCases.finish(writer.firstToken, bench.key(), bench, durable: 0, accepted: 1000)
                }
            )
        },
        Operation(name: "write_resume", needs: [.caps(FP_CAP_RESUMABLE)]) { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(1000))
            let durable = try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            return (
                { if case .open(let writer) = try bench.store.resume(writer.firstToken) { writer.close() } },
                { try ResumeCases.finish(writer.firstToken, bench.key(), bench, durable: durable, accepted: 1000) }
            )
        },
        Operation(name: "write_commit") { bench in
            let writer = try bench.store.begin(bench.key())
            let bytes = Pattern.bytes(try bench.unit + 1)
            try bench.push(bytes, to: writer)
            return (
                { try writer.commit() },
                {
                    writer.close()
                    if try bench.store.lookup(bench.key()) != nil { try bench.check(bench.key(), holds: bytes) }
                }
            )
        },
        Operation(name: "write_abort") { bench in
            let writer = try bench.store.begin(bench.key())
            try writer.write([1])
            return (
                { try writer.abort() },
                {
                    writer.close()
                    try bench.check(absent: bench.key(), "afterwards")
                }
            )
        },
        Operation(name: "write_discard", needs: [.caps(FP_CAP_RESUMABLE)]) { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            writer.close()
            return (
                { try bench.store.discard(writer.firstToken) },
                {
                    try bench.store.discard(writer.firstToken)
                    try bench.check(gone: writer.firstToken, "after write_discard")
                }
            )
        },
        Operation(name: "remove") { bench in
            try bench.put(bench.key(), [1])
            return ({ try bench.store.remove(bench.key()) }, {})
        },
        Operation(name: "copy", needs: [.caps(FP_CAP_COPY)]) { bench in
            try bench.put(bench.key(), [1])
            return (
                { _ = try bench.store.copy(bench.key(), to: bench.key("copy")) },
                { try bench.check(bench.key(), holds: [1]) }
            )
        },
        Operation(name: "list", needs: [.caps(FP_CAP_LIST)]) { bench in
            for index in 0..<10 { try bench.put(bench.key("\(index)"), [1]) }
            return (
                { _ = try bench.store.page(ListRequest(prefix: bench.key(""))) },
                {
                    try bench.check(
                        bench.store.all(ListRequest(prefix: bench.key(""))).count >= 10, "objects are missing")
                }
            )
        },
        Operation(name: "list_pending", needs: [.caps(FP_CAP_LIST_PENDING)]) { bench in
            _ = try bench.caps
            return ({ _ = try bench.store.page(ListRequest(pending: true)) }, {})
        },
    ]

    private static let errors: [Case] =
        [0, 1, 2, 8, 31].map { capacity in
            Case(
                "errors.room-\(capacity)", "a message is cut to a room of \(capacity) bytes", .slot("fp_error.message")
            ) { bench in
                try bench.store.with({ $0.messageCapacity = capacity }) {
                    try bench.refused(FP_E_NOT_FOUND, "stat of an absent key") {
                        _ = try bench.store.stat(bench.key("absent"))
                    }
                    let writer = try bench.store.begin(bench.key())
                    try writer.write([1, 2])
                    try bench.refused(FP_E_INVALID, "write_commit of a wrong size") { try writer.commit(size: 1) }
                    writer.close()
                }
            }
        } + [
            Case("errors.usable-after", "a store goes on after calls that failed", .rule(5)) { bench in
                for _ in 0..<20 {
                    _ = try bench.store.lookup(bench.key("absent"))
                    let writer = try bench.store.begin(bench.key())
                    try writer.write([1])
                    try bench.refused(FP_E_INVALID, "write_commit of a wrong size") { try writer.commit(size: 2) }
                    writer.close()
                }
                try bench.put(bench.key(), [1, 2])
                try bench.check(bench.key(), holds: [1, 2])
            }
        ]
}
