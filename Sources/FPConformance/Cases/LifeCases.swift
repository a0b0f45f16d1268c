import FPContractDriver
import FPPluginAPI
import Glibc

/// Life cycle: create, health, destroy.
enum LifeCases {
    static let all: [Case] = instances + health + away

    private static let instances: [Case] = [
        Case("life.validate", "validate accepts what create accepts", .slot("validate")) { bench in
            for _ in 0..<3 { try Store.validate(bench.library, bench.plan.options, Invocation()) }
        },
        Case("life.validate-quiet", "validate starts no thread and leaves no file open", .slot("validate")) { bench in
            let library = try bench.library
            let before = ProcessState()
            for _ in 0..<5 { try Store.validate(library, bench.plan.options, Invocation()) }
            let after = ProcessState()
            try bench.check(after.descriptors == before.descriptors, "there are descriptors that were not there before")
            try bench.check(after.threads.isSubset(of: before.threads), "there are threads that were not there before")
        },
        Case("life.options-copied", "options are not looked at again after create", .rule(2)) { bench in
            // The tree that create got has been overwritten by now.
            let key = bench.key()
            try bench.put(key, Pattern.bytes(1000))
            try bench.check(key, holds: Pattern.bytes(1000))
            _ = try bench.store.health()
        },
        Case("life.two-instances", "two stores with the same options see the same objects", .slot("create")) { bench in
            let other = try bench.another()
            let key = bench.key()
            try bench.put(key, [1, 2, 3])
            try bench.check(key, holds: [1, 2, 3], in: other)
            try other.remove(key)
            try bench.settle { try bench.store.lookup(key) == nil }
            try bench.check(absent: key, "after another store has removed it")
        },
        Case("life.other-destroyed", "destroying one store does not disturb another", .slot("destroy")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key)
            try writer.write([1, 2])
            let other = try bench.another()
            try bench.put(bench.key("other"), [5], in: other)
            other.destroy()
            try writer.write([3])
            try writer.commit()
            writer.close()
            try bench.check(key, holds: [1, 2, 3])
        },
        Case("life.reload", "at a reload the new store works beside the old one, then without it", .slot("create")) {
            bench in
            let old = try bench.another()
            try bench.put(bench.key("old"), [1], in: old)
            let new = try bench.another()
            let writer = try old.begin(bench.key("crossing"))
            try writer.write([2])
            try bench.check(bench.key("old"), holds: [1], in: new)
            try writer.commit()
            writer.close()
            old.destroy()
            try bench.check(bench.key("crossing"), holds: [2], in: new)
            try bench.put(bench.key("new"), [3], in: new)
            try bench.check(bench.key("new"), holds: [3], in: new)
        },
        Case("life.unused", "a store that was never used can be destroyed", .slot("destroy")) { bench in
            for _ in 0..<5 { try bench.another().destroy() }
        },
        Case("life.many-instances", "twenty stores can live side by side", .slot("create")) { bench in
            let stores = try (0..<20).map { _ in try bench.another() }
            for (index, store) in stores.enumerated() {
                try bench.put(bench.key("\(index)"), [UInt8(index)], in: store)
            }
            for (index, store) in stores.enumerated() {
                try bench.check(bench.key("\(19 - index)"), holds: [UInt8(19 - index)], in: store)
            }
        },
        Case("life.destroy-quick", "destroy takes at most 5 s", .slot("destroy")) { bench in
            let store = try bench.another()
            try bench.put(bench.key(), Pattern.bytes(1000), in: store)
            let start = MonotonicClock.seconds
            store.destroy()
            let took = MonotonicClock.seconds - start
            try bench.check(took < 10, "it took \(Int(took)) s")
        },
        Case("life.allocator", "what came from the host's allocator is given back by destroy", .slot("fp_host.alloc")) {
            bench in
            let store = try bench.another()
            try bench.put(bench.key(), Pattern.bytes(100_000), in: store)
            _ = try store.get(bench.key())
            store.destroy()
            try bench.check(store.host.heldBlocks == 0, "\(store.host.heldBlocks) blocks are still held")
        },
        Case("life.unload", "unload returns when all stores are gone", .slot("unload")) { bench in
            guard let unload = try bench.library.slots.unload else { throw Inapplicable(reason: "it has no unload") }
            let store = try bench.another()
            try bench.put(bench.key(), [1], in: store)
            try store.remove(bench.key())
            store.destroy()
            unload()
        },
        Case("life.persistent", "a new process finds what an earlier one has stored", .slot("write_commit")) { bench in
            let key = bench.key()
            let peer = try bench.peer()
            try peer.run(.put(key: key, count: 5000, seed: 1, flags: 0))
            peer.kill()
            try bench.settle { try bench.store.lookup(key) != nil }
            try bench.check(key, holds: Pattern.bytes(5000))
        },
    ]

    private static let health: [Case] = [
        Case("health.ok", "health of a good back-end is FP_HEALTH_OK", .slot("health")) { bench in
            let health = try bench.store.health()
            try bench.check(health.state != FP_HEALTH_DOWN, "it says DOWN")
            try bench.check(health.state <= FP_HEALTH_DOWN, "it says \(health.state), which fp_plugin.h does not have")
        },
        Case("health.deep", "the deep check succeeds", .slot("FP_HEALTHF_DEEP")) { bench in
            for _ in 0..<3 {
                let health = try bench.store.health(flags: FP_HEALTHF_DEEP)
                try bench.check(health.state != FP_HEALTH_DOWN, "it says DOWN")
            }
        },
        Case(
            "health.deep-hidden", "the deep check leaves nothing in list", .slot("FP_HEALTHF_DEEP"),
            needs: [.caps(FP_CAP_LIST)]
        ) {
            bench in
            _ = try bench.store.health(flags: FP_HEALTHF_DEEP)
            let page = try bench.store.page(ListRequest(prefix: ".fp", limit: 100))
            try bench.check(page.entries.isEmpty, "list shows \(page.entries.first?.key ?? "")")
        },
        Case(
            "health.space", "SPACE means byte counts that fit together", .slot("FP_CAP_SPACE"),
            needs: [.caps(FP_CAP_SPACE)]
        ) { bench in
            let health = try bench.store.health()
            try bench.check(health.free != FP_SIZE_UNKNOWN, "it declares SPACE, and free_bytes is unknown")
            if health.total != FP_SIZE_UNKNOWN {
                try bench.check(health.free <= health.total, "\(health.free) of \(health.total) bytes are free")
                if health.used != FP_SIZE_UNKNOWN {
                    try bench.check(health.used <= health.total, "\(health.used) of \(health.total) bytes are used")
                }
            }
        },
    ]

    private static let away: [Case] = [
        Case("life.unreachable", "create succeeds while the back-end is away", .slot("create"), needs: [.unreachable]) {
            bench in
            try bench.another(options: bench.plan.unreachable).destroy()
        },
        Case("health.unreachable", "health says so while the back-end is away", .slot("health"), needs: [.unreachable])
        { bench in
            let store = try bench.another(options: bench.plan.unreachable)
            do {
                let health = try store.health()
                try bench.check(
                    health.state == FP_HEALTH_DOWN, "it says \(health.state), where DOWN or an error was due")
            } catch let failure as Failure {
                try bench.check(
                    [2, 4].contains(failure.status / 100), "\(failure), where a status of class 2 or 4 was due")
            }
        },
        Case(
            "errors.unreachable", "calls fail with class 2 or 4 while the back-end is away", .rule(5),
            needs: [.unreachable]
        ) {
            bench in
            let store = try bench.another(options: bench.plan.unreachable)
            let calls: [(String, () throws -> Void)] = [
                ("stat", { _ = try store.stat(bench.key()) }), ("read_open", { try store.open(bench.key()).close() }),
                ("remove", { try store.remove(bench.key()) }),
                (
                    "a write",
                    {
                        let writer = try store.begin(bench.key())
                        defer { writer.close() }
                        try writer.write([1])
                        try writer.commit()
                    }
                ),
            ]
            for (name, call) in calls {
                do {
                    try call()
                    throw Broken("\(name) succeeded while the back-end is away")
                } catch let failure as Failure {
                    try bench.check(
                        [2, 4].contains(failure.status / 100), "\(failure), where a status of class 2 or 4 was due")
                }
            }
        },
    ]
}
