import FPContractDriver
import FPPluginAPI
import Glibc

/// What an instance says that it can do.
enum CapsCases {
    static let all: [Case] = [
        Case("caps.slots", "every declared capability has its slots", .slot("fp_plugin")) { bench in
            let table = try bench.library.slots
            let caps = try bench.caps.flags
            let pairs: [(UInt64, String, Bool)] = [
                (FP_CAP_RESUMABLE, "write_resume", table.write_resume != nil),
                (FP_CAP_RESUMABLE, "write_sync", table.write_sync != nil),
                (FP_CAP_RESUMABLE, "write_discard", table.write_discard != nil),
                (FP_CAP_LIST, "list", table.list != nil),
                (FP_CAP_LIST_PENDING, "list_pending", table.list_pending != nil),
                (FP_CAP_COPY, "copy", table.copy != nil), (FP_CAP_MOVE, "copy", table.copy != nil),
                (FP_CAP_PRESIGN, "presign", table.presign != nil),
            ]
            for (bit, slot, isThere) in pairs where caps & bit != 0 {
                try bench.check(isThere, "it declares \(Capability.names(of: bit)), and \(slot) is NULL")
            }
        },
        Case("caps.threading", "an instance declares no looser threading than the library", .slot("fp_caps.threading"))
        { bench in
            let most = try bench.library.slots.threading_max
            let found = try bench.caps.threading
            try bench.check(found <= most, "threading is \(found), and threading_max is \(most)")
        },
        Case("caps.known-bits", "no capability bit is set that fp_plugin.h does not have", .slot("fp_caps.flags")) {
            bench in
            guard try bench.library.slots.head.abi_minor <= FP_ABI_MINOR else {
                throw Inapplicable(reason: "it is built for a later ABI")
            }
            let unknown = try bench.caps.flags & ~Capability.known
            try bench.check(unknown == 0, "it sets \(Capability.names(of: unknown))")
        },
        Case("caps.key-bytes", "max_key_bytes is between 1 and 1024", .slot("fp_caps.max_key_bytes")) { bench in
            let most = try bench.caps.max_key_bytes
            try bench.check((1...1024).contains(most), "max_key_bytes is \(most)")
        },
        Case("caps.concurrency", "max_concurrency is plausible", .slot("fp_caps.max_concurrency")) { bench in
            let most = try bench.caps.max_concurrency
            try bench.check(most <= 4096, "max_concurrency is \(most)")
        },
        Case("caps.sizes", "sizes are not nonsense", .slot("fp_caps")) { bench in
            let caps = try bench.caps
            try bench.check(caps.max_object_size > 0, "max_object_size is 0; no known limit is FP_SIZE_UNKNOWN")
            try bench.check(caps.durable_unit <= 1 << 40, "durable_unit is \(caps.durable_unit)")
            try bench.check(caps.writer_memory <= 1 << 34, "writer_memory is \(caps.writer_memory)")
            try bench.check(caps.reader_memory <= 1 << 34, "reader_memory is \(caps.reader_memory)")
        },
        Case(
            "caps.durable-unit", "durable_unit fits DURABLE_TAIL and RESUMABLE", .slot("fp_caps.durable_unit"),
            needs: [.caps(FP_CAP_RESUMABLE)]
        ) {
            bench in
            let unit = try bench.caps.durable_unit
            try bench.check(unit >= 1, "it declares RESUMABLE, and durable_unit is 0")
        },
        Case(
            "caps.rewind-unit", "REWIND comes with RESUMABLE and a rewind_unit", .slot("fp_caps.rewind_unit"),
            needs: [.caps(FP_CAP_REWIND)]
        ) {
            bench in
            try bench.check(try bench.has(FP_CAP_RESUMABLE), "it declares REWIND without RESUMABLE")
            try bench.check(try bench.caps.rewind_unit >= 1, "rewind_unit is 0")
        },
        Case("caps.consistent", "capabilities that build on others have them", .slot("fp_caps.flags")) { bench in
            for (bit, base) in [
                (FP_CAP_DURABLE_TAIL, FP_CAP_RESUMABLE), (FP_CAP_FENCED, FP_CAP_RESUMABLE),
                (FP_CAP_LIST_PENDING, FP_CAP_RESUMABLE), (FP_CAP_LIST_ORDERED, FP_CAP_LIST),
                (FP_CAP_MOVE_ATOMIC, FP_CAP_MOVE),
            ] where try bench.has(bit) {
                try bench.check(
                    try bench.has(base),
                    "it declares \(Capability.names(of: bit)) without \(Capability.names(of: base))")
            }
        },
        Case("caps.digests", "digests has only bits that fp_plugin.h has", .slot("fp_caps.digests")) { bench in
            let known = (1 << FP_DIGEST_MD5) | (1 << FP_DIGEST_SHA256) | (1 << FP_DIGEST_CRC32C) as UInt32
            let found = try bench.caps.digests
            try bench.check(found & ~known == 0, "digests is \(found)")
        },
        Case("caps.constant", "caps stay as they are after the first health", .slot("caps")) { bench in
            let first = try bench.caps
            try bench.put(bench.key(), [1])
            for _ in 0..<3 {
                _ = try bench.store.health()
                let now = try bench.store.capabilities()
                try bench.check(
                    now.flags == first.flags && now.threading == first.threading
                        && now.durable_unit == first.durable_unit
                        && now.max_key_bytes == first.max_key_bytes && now.rewind_unit == first.rewind_unit,
                    "they changed by themselves")
            }
        },
        Case("caps.before-health", "health only adds to caps", .slot("caps")) { bench in
            let before = try bench.store.capabilities()
            _ = try bench.store.health()
            let after = try bench.store.capabilities()
            let lost = before.flags & ~after.flags
            try bench.check(lost == 0, "the first health took away \(Capability.names(of: lost))")
            try bench.check(before.threading == after.threading, "the first health changed threading")
        },
        Case("caps.quick", "caps does not block", .slot("caps")) { bench in
            let start = MonotonicClock.seconds
            for _ in 0..<100 { _ = try bench.store.capabilities() }
            try bench.check(MonotonicClock.seconds - start < 5, "100 calls took more than 5 s")
        },
    ]
}
