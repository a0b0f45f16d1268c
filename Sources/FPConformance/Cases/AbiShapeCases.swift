import FPContractDriver
import FPPluginAPI
import Glibc

/// Hosts of other ages: one whose structs end exactly where ABI 1.0 ends, and one whose structs have grown.
enum AbiShapeCases {
    static let all: [Case] = hosts.flatMap { host in
        operations.map { operation in
            Case(
                "abi.\(host.name).\(operation.name)", "\(operation.what) \(host.what)", .rule(1), needs: []
            ) { bench in
                let store = try bench.store(host.shape)
                try bench.meet(operation.needs)
                try operation.run(bench, store)
            }
        }
    }

    private static let hosts = [
        (name: "old-host", shape: HostShape(kind: .old), what: "stays within the structs of a host of ABI 1.0"),
        (name: "future-host", shape: HostShape(kind: .future), what: "goes by a later host's larger structs"),
    ]

    private struct Operation: Sendable {
        let name: String
        let what: String
        var needs: [Need] = []
        let run: @Sendable (Bench, Store) throws -> Void
    }

    private static let operations: [Operation] = [
        Operation(name: "create", what: "create") { bench, store in
            try Store.validate(bench.library, bench.plan.options, store.invocation)
            let other = try bench.another(store.shape)
            _ = try other.capabilities()
        },
        Operation(name: "caps", what: "caps") { _, store in _ = try store.capabilities() },
        Operation(name: "health", what: "health") { _, store in _ = try store.health() },
        Operation(name: "stat", what: "stat") { bench, store in
            let key = bench.key()
            try bench.put(key, [1, 2, 3])
            try bench.check(try store.stat(key).size == 3, "stat gives another size than 3")
        },
        Operation(name: "error", what: "a failing call") { bench, store in
            try bench.refused(FP_E_NOT_FOUND, "stat of an absent key") { _ = try store.stat(bench.key()) }
        },
        Operation(name: "read", what: "read") { bench, store in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(5000))
            try bench.check(store.get(key, offset: 100, length: 4000), is: Pattern.bytes(100..<4100), "the range")
        },
        Operation(name: "write", what: "write") { bench, _ in
            let key = bench.key()
            try bench.put(key, Pattern.bytes(try bench.unit + 1))
            try bench.check(key, holds: Pattern.bytes(try bench.unit + 1))
        },
        Operation(name: "resume", what: "a resumed write", needs: [.caps(FP_CAP_RESUMABLE)]) { bench, store in
            let key = bench.key()
            let writer = try store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(1000))
            let durable = try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            try ResumeCases.finish(writer.firstToken, key, bench, durable: durable, accepted: 1000)
            try store.discard(writer.firstToken)
        },
        Operation(name: "remove", what: "remove") { bench, store in
            let key = bench.key()
            try bench.put(key, [1])
            try store.remove(key)
            try bench.settle { try store.lookup(key) == nil }
            try bench.check(absent: key, "after remove")
        },
        Operation(name: "list", what: "list", needs: [.caps(FP_CAP_LIST)]) { bench, store in
            for name in ["a", "b", "c"] { try bench.put(bench.key(name), [1]) }
            let found = try store.all(ListRequest(prefix: bench.key(""), limit: 2))
            try bench.check(Set(found.map(\.key)).count == 3, "list gives \(found.count) entries of 3")
        },
        Operation(name: "list-pending", what: "list_pending", needs: [.caps(FP_CAP_LIST_PENDING)]) { bench, store in
            let key = bench.key()
            let writer = try store.begin(key, flags: FP_W_RESUMABLE)
            let found = try store.all(ListRequest(pending: true, prefix: key))
            try bench.check(found.contains { $0.key == key }, "list_pending does not show the session")
            writer.close()
        },
        Operation(name: "copy", what: "copy", needs: [.caps(FP_CAP_COPY)]) { bench, store in
            let key = bench.key()
            try bench.put(key, [1, 2])
            _ = try store.copy(key, to: bench.key("copy"))
            try bench.check(bench.key("copy"), holds: [1, 2])
        },
        Operation(name: "move", what: "a move", needs: [.caps(FP_CAP_MOVE)]) { bench, store in
            let key = bench.key()
            try bench.put(key, [1, 2])
            _ = try store.copy(key, to: bench.key("moved"), flags: FP_COPY_MOVE)
            try bench.check(bench.key("moved"), holds: [1, 2])
        },
        Operation(name: "transfer", what: "transfer", needs: [.transfer]) { bench, store in
            let key = bench.key()
            try bench.put(key, [1, 2])
            let other = try bench.another(store.shape)
            do { _ = try other.copy(key, to: bench.key("copy"), from: store) } catch let failure as Failure {
                try bench.check(failure.status == FP_E_UNSUPPORTED, "\(failure)")
            }
        },
        Operation(name: "read-fd", what: "read_fd", needs: [.readFD]) { bench, store in
            let key = bench.key()
            try bench.put(key, [1, 2])
            let file = try store.open(key, offset: 1).file()
            try bench.check(try file?.bytes() ?? [2], is: [2], "the piece of the file")
        },
        Operation(name: "presign", what: "presign", needs: [.caps(FP_CAP_PRESIGN)]) { bench, store in
            _ = try store.presign(bench.key())
        },
    ]
}
