import FPContractDriver
import FPPluginAPI

/// How sessions end, and that one has one writer.
enum SessionEndCases {
    static let all: [Case] = ends + fences

    private static let ends: [Case] = [
        ResumeCases.resumable("commit-again", "write_resume after the commit is COMMITTED", .slot("write_resume")) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: try bench.unit + 9, bench)
            try writer.sync()
            let tokens = [writer.firstToken, writer.token]
            try writer.commit()
            writer.close()
            for token in tokens {
                for _ in 0..<2 { try bench.check(committed: token) }
            }
        },
        ResumeCases.resumable(
            "committed-expected-size", "expected_size does not keep a commit from being known",
            .slot("fp_resume_req.expected_size")
        ) {
            bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE, size: 100)
            try ResumeCases.fill(writer, to: 100, bench)
            try writer.commit()
            writer.close()
            guard case .committed = try bench.store.resume(writer.firstToken, expecting: 100) else {
                throw Broken("write_resume says OPEN of a session whose commit has succeeded")
            }
        },
        ResumeCases.resumable("aborted", "write_abort makes every token E_GONE", .slot("write_abort")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: try bench.unit + 1, bench)
            try writer.sync()
            let tokens = [writer.firstToken, writer.token]
            try writer.abort()
            writer.close()
            for token in tokens { try bench.check(gone: token, "after write_abort") }
            try bench.check(absent: key, "after write_abort")
        },
        ResumeCases.resumable("discarded", "write_discard makes every token E_GONE", .slot("write_discard")) { bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: try bench.unit + 1, bench)
            try writer.sync()
            let tokens = [writer.firstToken, writer.token]
            writer.close()
            try bench.store.discard(tokens[0])
            for token in tokens { try bench.check(gone: token, "after write_discard") }
            try bench.check(absent: key, "after write_discard")
        },
        ResumeCases.resumable("discard-twice", "write_discard of a token that is gone is FP_OK", .slot("write_discard"))
        { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            writer.close()
            for _ in 0..<3 { try bench.store.discard(writer.firstToken) }
        },
        ResumeCases.resumable("discard-unknown", "write_discard of an unknown token is FP_OK", .slot("write_discard")) {
            bench in
            try bench.store.discard(Array("none of yours".utf8))
        },
        ResumeCases.resumable(
            "discard-committed", "write_discard after the commit leaves the object", .slot("write_discard")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try writer.write([1, 2, 3])
            try writer.commit()
            writer.close()
            try bench.store.discard(writer.firstToken)
            try bench.check(key, holds: [1, 2, 3])
        },
        ResumeCases.resumable("discard-one-of-two", "write_discard ends its own session only", .slot("write_discard")) {
            bench in
            let key = bench.key()
            let one = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let other = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try one.write(Pattern.bytes(100))
            try other.write(Pattern.bytes(100))
            one.close()
            try bench.store.discard(one.firstToken)
            try other.commit()
            other.close()
            try bench.check(key, holds: Pattern.bytes(100))
        },
        ResumeCases.resumable(
            "gone-not-committed",
            "a session that was dropped is E_GONE, even if its key has an object of the same size",
            .slot("write_resume")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE, size: 1000)
            try writer.write(Pattern.bytes(1000))
            try writer.sync()
            try writer.abort()
            writer.close()
            try bench.put(key, Pattern.bytes(1000, seed: 2))
            try bench.refused(FP_E_GONE, "write_resume of an aborted session whose key another has taken") {
                if case .open(let writer) = try bench.store.resume(writer.firstToken, expecting: 1000) {
                    writer.close()
                }
            }
        },
    ]

    private static let fences: [Case] = [
        ResumeCases.resumable(
            "fenced", "write_resume of a session with a live writer is E_CONFLICT", .slot("FP_CAP_FENCED"),
            also: FP_CAP_FENCED
        ) {
            bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write([1])
            try bench.refused(FP_E_CONFLICT, "write_resume of a session with a live writer") {
                if case .open(let second) = try bench.store.resume(writer.firstToken) { second.close() }
            }
            writer.close()
            try bench.reopen(writer.firstToken).close()
        },
        ResumeCases.resumable(
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
