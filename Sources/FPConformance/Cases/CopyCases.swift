import FPContractDriver
import FPPluginAPI

/// copy, move, remove, and the transfer between two stores.
enum CopyCases {
    static let all: [Case] = copies(move: false) + copies(move: true) + moves + fallbacks + removal + transfers

    /// What holds for a copy and for a move alike.
    private static func copies(move: Bool) -> [Case] {
        let group = move ? "move" : "copy"
        let flag = move ? FP_COPY_MOVE : 0
        let bit = move ? FP_CAP_MOVE : FP_CAP_COPY
        func copy(
            _ name: String, _ promise: String, also bits: UInt64 = 0, _ run: @escaping @Sendable (Bench) throws -> Void
        ) -> Case {
            Case("\(group).\(name)", promise, .slot("copy"), needs: [.caps(bit | bits)], run)
        }
        return [
            copy("bytes", "the target has the bytes of the source, at any size") { bench in
                for size in [0, 1, 5000, try bench.unit + 1] {
                    let (source, target) = (bench.key("s\(size)"), bench.key("t\(size)"))
                    let bytes = Pattern.bytes(size)
                    try bench.put(source, bytes)
                    let info = try bench.store.copy(source, to: target, flags: flag).info
                    try bench.check(
                        info.size == UInt64(size), "its info gives \(info.size) bytes, where \(size) are due")
                    try bench.settle { try bench.store.lookup(target) != nil }
                    try bench.check(target, holds: bytes)
                    if !move { try bench.check(source, holds: bytes) }
                }
            },
            copy("absent", "an absent source is E_NOT_FOUND, and makes no target") { bench in
                try bench.refused(FP_E_NOT_FOUND, "\(group) of an absent key") {
                    _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag)
                }
                try bench.check(absent: bench.key("t"), "after a \(group) that failed")
            },
            copy("exists", "FP_COPY_IF_NOT_EXISTS over an existing key is E_EXISTS") { bench in
                try bench.put(bench.key("s"), [1])
                try bench.put(bench.key("t"), [2, 2])
                try bench.refused(
                    FP_E_EXISTS, FP_E_UNSUPPORTED, what: "\(group) with FP_COPY_IF_NOT_EXISTS over an object"
                ) {
                    _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag | FP_COPY_IF_NOT_EXISTS)
                }
                try bench.check(bench.key("s"), holds: [1])
                try bench.check(bench.key("t"), holds: [2, 2])
            },
            copy("not-exists", "FP_COPY_IF_NOT_EXISTS to a free key succeeds", also: FP_CAP_ATOMIC_CREATE) { bench in
                try bench.put(bench.key("s"), [1])
                do {
                    _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag | FP_COPY_IF_NOT_EXISTS)
                    try bench.check(bench.key("t"), holds: [1])
                } catch let failure as Failure where failure.status == FP_E_UNSUPPORTED {
                    throw Inapplicable(reason: "it leaves FP_COPY_IF_NOT_EXISTS to the host")
                }
            },
            copy("replace", "an existing target is replaced", also: FP_CAP_ATOMIC_REPLACE) { bench in
                try bench.put(bench.key("s"), Pattern.bytes(100))
                try bench.put(bench.key("t"), [2, 2])
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag)
                try bench.settle { try bench.store.stat(bench.key("t")).size == 100 }
                try bench.check(bench.key("t"), holds: Pattern.bytes(100))
            },
            copy("if-match", "the wrong etag is E_PRECONDITION, the right one is taken", also: FP_CAP_IF_MATCH) {
                bench in
                try bench.put(bench.key("s"), [1, 2])
                let etag = try bench.store.stat(bench.key("s")).etag
                try bench.refused(FP_E_PRECONDITION, "\(group) with an etag of no version") {
                    _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag, ifMatch: etag + "0")
                }
                try bench.check(absent: bench.key("t"), "after a \(group) that failed")
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag, ifMatch: etag)
                try bench.check(bench.key("t"), holds: [1, 2])
            },
            copy("onto-itself", "a \(group) onto itself loses nothing") { bench in
                try bench.put(bench.key(), [1, 2, 3])
                do { _ = try bench.store.copy(bench.key(), to: bench.key(), flags: flag) } catch is Failure {}
                try bench.check(bench.key(), holds: [1, 2, 3])
            },
            copy("deep-target", "the parents of the target are made on demand") { bench in
                try bench.put(bench.key("s"), [1])
                _ = try bench.store.copy(bench.key("s"), to: bench.key("x/y/z"), flags: flag)
                try bench.check(bench.key("x/y/z"), holds: [1])
            },
            copy("require-atomic", "FP_COPY_REQUIRE_ATOMIC is kept or E_UNSUPPORTED") { bench in
                try bench.put(bench.key("s"), [1, 2])
                do {
                    let result = try bench.store.copy(
                        bench.key("s"), to: bench.key("t"), flags: flag | FP_COPY_REQUIRE_ATOMIC)
                    try bench.check(
                        result.flags & FP_COPYR_ATOMIC != 0, "it succeeded and does not say FP_COPYR_ATOMIC")
                    try bench.check(bench.key("t"), holds: [1, 2])
                } catch let failure as Failure where failure.status == FP_E_UNSUPPORTED {
                    try bench.check(bench.key("s"), holds: [1, 2])
                    try bench.check(absent: bench.key("t"), "after E_UNSUPPORTED")
                }
            },
            copy("not-streamed", "without FP_COPY_ALLOW_STREAM no bytes pass through this machine") { bench in
                try bench.put(bench.key("s"), Pattern.bytes(1000))
                let result = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag)
                try bench.check(result.flags & FP_COPYR_STREAMED == 0, "it says FP_COPYR_STREAMED")
            },
            copy("content-type", "the content type goes along", also: FP_CAP_CONTENT_TYPE) { bench in
                let writer = try bench.store.begin(bench.key("s"), contentType: "image/png")
                try writer.commit()
                writer.close()
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag)
                let type = try bench.store.stat(bench.key("t")).contentType
                try bench.check(type == "image/png", "the target has \"\(type)\"")
            },
            copy("metadata", "the metadata goes along", also: FP_CAP_METADATA | FP_CAP_PRESIGN) { bench in
                let shown = try attributed(bench, bench.key("s"))
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: flag)
                try bench.check(bench.key("t"), in: bench.store, hasMetadata: metadata, of: shown)
            },
        ]
    }

    private static let metadata = "some-value-of-the-kit"

    /// Puts an object with a content type and metadata.
    /// - Returns: what a client sees that follows a link to it.
    private static func attributed(_ bench: Bench, _ key: String) throws -> [String: String] {
        let writer = try bench.store.begin(
            key, contentType: "image/png", metadata: [("kit", metadata)])
        try writer.write(Pattern.bytes(100))
        try writer.commit()
        writer.close()
        guard try bench.has(FP_CAP_METADATA | FP_CAP_PRESIGN) else { return [:] }
        return try Link.fields(of: try bench.store.presign(key).url)
    }

    private static let moves: [Case] = [
        Case("move.source-gone", "after a move the source is gone", .slot("FP_COPY_MOVE"), needs: [.caps(FP_CAP_MOVE)])
        { bench in
            try bench.put(bench.key("s"), [1])
            _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: FP_COPY_MOVE)
            try bench.settle { try bench.store.lookup(bench.key("s")) == nil }
            try bench.check(absent: bench.key("s"), "after its move")
            if try bench.has(FP_CAP_LIST) {
                let found = try bench.store.all(ListRequest(prefix: bench.key(""))).map(\.key)
                try bench.check(found == [bench.key("t")], "list shows \(found)")
            }
        },
        Case(
            "move.atomic", "MOVE_ATOMIC honours FP_COPY_REQUIRE_ATOMIC", .slot("FP_CAP_MOVE_ATOMIC"),
            needs: [.caps(FP_CAP_MOVE | FP_CAP_MOVE_ATOMIC)]
        ) {
            bench in
            try bench.put(bench.key("s"), [1])
            let result = try bench.store.copy(
                bench.key("s"), to: bench.key("t"), flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC)
            try bench.check(result.flags & FP_COPYR_ATOMIC != 0, "it does not say FP_COPYR_ATOMIC")
            try bench.check(absent: bench.key("s"), "after its move")
        },
    ]

    private static let fallbacks: [Case] = [
        Case("copy.unsupported", "a copy that is not supported has no effect", .slot("copy")) { bench in
            guard try !bench.has(FP_CAP_COPY), try bench.library.slots.copy != nil else {
                throw Inapplicable(reason: "it declares FP_CAP_COPY, or has no slot for it")
            }
            try bench.put(bench.key("s"), [1, 2])
            do {
                // A single pair may be supported all the same.
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"))
                try bench.check(bench.key("t"), holds: [1, 2])
            } catch let failure as Failure {
                try bench.check(failure.status == FP_E_UNSUPPORTED, "\(failure), where FP_E_UNSUPPORTED was due")
                try bench.check(absent: bench.key("t"), "after E_UNSUPPORTED")
            }
            try bench.check(bench.key("s"), holds: [1, 2])
        },
        Case(
            "copy.stream-allowed", "with FP_COPY_ALLOW_STREAM a copy succeeds or is E_UNSUPPORTED",
            .slot("FP_COPY_ALLOW_STREAM")
        ) { bench in
            guard try bench.library.slots.copy != nil else { throw Inapplicable(reason: "it has no copy") }
            let bytes = Pattern.bytes(try bench.unit + 1)
            try bench.put(bench.key("s"), bytes)
            do {
                _ = try bench.store.copy(bench.key("s"), to: bench.key("t"), flags: FP_COPY_ALLOW_STREAM)
                try bench.check(bench.key("t"), holds: bytes)
            } catch let failure as Failure {
                try bench.check(failure.status == FP_E_UNSUPPORTED, "\(failure), where FP_E_UNSUPPORTED was due")
                try bench.check(absent: bench.key("t"), "after E_UNSUPPORTED")
            }
        },
    ]

    private static let removal: [Case] = [
        Case("remove.gone", "a removed object is gone", .slot("remove")) { bench in
            try bench.put(bench.key(), [1])
            try bench.store.remove(bench.key())
            try bench.settle { try bench.store.lookup(bench.key()) == nil }
            try bench.check(absent: bench.key(), "after remove")
        },
        Case("remove.twice", "removing again is FP_OK", .slot("remove")) { bench in
            try bench.put(bench.key(), [1])
            for _ in 0..<3 { try bench.store.remove(bench.key()) }
        },
        Case("remove.absent", "removing what never was is FP_OK", .slot("remove")) { bench in
            try bench.store.remove(bench.key())
            try bench.store.remove(bench.key("no/such/parent"))
        },
        Case("remove.directory-like", "removing the beginning of a key removes nothing", .slot("remove")) { bench in
            try bench.put(bench.key("a/b/c"), [1])
            try bench.store.remove(bench.key("a"))
            try bench.store.remove(bench.key("a/b"))
            try bench.check(bench.key("a/b/c"), holds: [1])
        },
        Case("remove.siblings", "removing one object leaves its neighbours", .slot("remove")) { bench in
            for name in ["a/1", "a/2", "a/10"] { try bench.put(bench.key(name), Array(name.utf8)) }
            try bench.store.remove(bench.key("a/1"))
            for name in ["a/2", "a/10"] { try bench.check(bench.key(name), holds: Array(name.utf8)) }
        },
        Case("remove.again", "a key can be written again after remove", .slot("remove")) { bench in
            for round in 0..<4 {
                let bytes = Pattern.bytes(100 + round, seed: UInt64(round))
                try bench.put(bench.key("a/b"), bytes)
                try bench.check(bench.key("a/b"), holds: bytes)
                try bench.store.remove(bench.key("a/b"))
                try bench.settle { try bench.store.lookup(bench.key("a/b")) == nil }
            }
        },
        Case(
            "remove.session", "removing an object leaves the sessions of its key", .slot("remove"),
            needs: [.caps(FP_CAP_RESUMABLE)]
        ) {
            bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write([1, 2])
            try bench.store.remove(bench.key())
            try writer.write([3])
            try writer.commit()
            writer.close()
            try bench.check(bench.key(), holds: [1, 2, 3])
        },
    ]

    private static let transfers: [Case] =
        [false, true].flatMap { move -> [Case] in
            let group = move ? "transfer.move" : "transfer.copy"
            let flag = move ? FP_COPY_MOVE : 0
            return [
                Case(
                    "\(group)", "a \(move ? "move" : "copy") between two stores gives the bytes, or is E_UNSUPPORTED",
                    .slot("fp.transfer/1"), needs: [.transfer]
                ) {
                    bench in
                    let other = try bench.another()
                    let bytes = Pattern.bytes(try bench.unit + 7)
                    try bench.put(bench.key("s"), bytes)
                    do {
                        _ = try other.copy(bench.key("s"), to: bench.key("t"), flags: flag, from: bench.store)
                    } catch let failure as Failure where failure.status == FP_E_UNSUPPORTED {
                        try bench.check(bench.key("s"), holds: bytes)
                        try bench.check(absent: bench.key("t"), "after E_UNSUPPORTED")
                        return
                    }
                    try bench.check(bench.key("t"), holds: bytes, in: other)
                    if move { try bench.check(absent: bench.key("s"), "after its move") }
                },
                Case(
                    "\(group)-absent", "an absent source is E_NOT_FOUND, and makes no target", .slot("fp.transfer/1"),
                    needs: [.transfer]
                ) {
                    bench in
                    let other = try bench.another()
                    try bench.refused(FP_E_NOT_FOUND, FP_E_UNSUPPORTED, what: "transfer of an absent key") {
                        _ = try other.copy(bench.key("s"), to: bench.key("t"), flags: flag, from: bench.store)
                    }
                    try bench.check(absent: bench.key("t"), "after a transfer that failed")
                },
                Case(
                    "\(group)-content-type", "the content type goes along, or it is E_UNSUPPORTED",
                    .slot("fp.transfer/1"), needs: [.transfer, .caps(FP_CAP_CONTENT_TYPE)]
                ) {
                    bench in
                    let other = try bench.another()
                    let writer = try bench.store.begin(bench.key("s"), contentType: "image/png")
                    try writer.write(Pattern.bytes(try bench.unit + 7))
                    try writer.commit()
                    writer.close()
                    guard try transferred(bench, to: other, flag) else { return }
                    let type = try other.stat(bench.key("t")).contentType
                    try bench.check(type == "image/png", "the target has \"\(type)\"")
                },
                Case(
                    "\(group)-metadata", "the metadata goes along, or it is E_UNSUPPORTED",
                    .slot("fp.transfer/1"), needs: [.transfer, .caps(FP_CAP_METADATA | FP_CAP_PRESIGN)]
                ) {
                    bench in
                    let other = try bench.another()
                    let shown = try attributed(bench, bench.key("s"))
                    guard try transferred(bench, to: other, flag) else { return }
                    try bench.check(bench.key("t"), in: other, hasMetadata: metadata, of: shown)
                },
            ]
        }

    /// - Returns: false where the plugin leaves it to the host.
    private static func transferred(_ bench: Bench, to other: Store, _ flags: UInt32) throws -> Bool {
        do {
            _ = try other.copy(bench.key("s"), to: bench.key("t"), flags: flags, from: bench.store)
            return true
        } catch let failure as Failure where failure.status == FP_E_UNSUPPORTED {
            return false
        }
    }
}
