import FPContractDriver
import FPPluginAPI
import Glibc

/// The process that writes is killed after every step, and another goes on from the first and from the last token.
enum KillCases {
    static let all: [Case] =
        steps.flatMap { step in
            [true, false].map { isFirst in
                ResumeCases.resumable(
                    "kill-\(step.name).\(isFirst ? "first" : "last")-token",
                    "killed \(step.name.replacing("-", with: " ")), the session goes on by its \(isFirst ? "first" : "last") token",
                    .slot("write_resume")
                ) { bench in
                    try run(step, byFirstToken: isFirst, bench)
                }
            }
        } + ends

    /// What the other process has done when it is killed.
    private struct Step: Sendable {
        let name: String
        /// Runs commands; what it sends without waiting is under way when the process dies.
        let run: @Sendable (Session) throws -> Void
    }

    /// What is known of the session in the other process.
    private final class Session {
        let peer: Peer
        let unit: Int
        var token: [UInt8] = []
        var lastToken: [UInt8] = []
        /// Bytes that the plugin may have taken.
        var accepted: UInt64 = 0
        /// Bytes that it has promised to keep.
        var durable: UInt64 = 0

        init(_ bench: Bench, _ key: String) throws {
            peer = try bench.peer()
            unit = try bench.unit
            token = try peer.run(.begin(key: key, flags: FP_W_RESUMABLE)).token
            lastToken = token
        }

        func write(_ count: Int) throws { accepted = try peer.run(.write(count: count, seed: 1)).number }

        func sync(_ flags: UInt32 = 0) throws {
            let answer = try peer.run(.sync(flags: flags))
            durable = answer.number
            if !answer.token.isEmpty { lastToken = answer.token }
        }
    }

    private static let steps: [Step] = [
        Step(name: "after-begin") { _ in },
        Step(name: "after-one-byte") { try $0.write(1) },
        Step(name: "after-one-write") { try $0.write($0.unit + 100) },
        Step(name: "after-many-writes") { session in for _ in 0..<5 { try session.write(session.unit / 2 + 7) } },
        Step(name: "after-sync") { session in
            try session.write(session.unit * 2 + 11)
            try session.sync()
        },
        Step(name: "after-suspend") { session in
            try session.write(session.unit + 11)
            try session.sync(FP_SYNC_SUSPEND)
        },
        Step(name: "after-sync-and-write") { session in
            try session.write(session.unit + 11)
            try session.sync()
            try session.write(session.unit)
        },
        Step(name: "in-write") { session in
            try session.write(session.unit + 11)
            try session.sync()
            session.accepted += UInt64(session.unit * 3)
            try session.peer.send(.write(count: session.unit * 3, seed: 1))
            usleep(.random(in: 0...3000))
        },
        Step(name: "in-sync") { session in
            try session.write(session.unit * 2 + 11)
            try session.peer.send(.sync(flags: FP_SYNC_SUSPEND))
            usleep(.random(in: 0...3000))
        },
        Step(name: "after-resume") { session in
            try session.write(session.unit + 11)
            try session.sync(FP_SYNC_SUSPEND)
            try session.peer.run(.close)
            session.accepted = try session.peer.run(.resume(token: session.token, offset: FP_SIZE_UNKNOWN)).number
            try session.write(100)
        },
        Step(name: "after-close") { session in
            try session.write(500)
            try session.sync(FP_SYNC_SUSPEND)
            try session.peer.run(.close)
        },
    ]

    private static func run(_ step: Step, byFirstToken isFirst: Bool, _ bench: Bench) throws {
        let key = bench.key()
        let session = try Session(bench, key)
        try step.run(session)
        session.peer.kill()
        try bench.check(absent: key, "after its writer was killed")
        try ResumeCases.finish(
            isFirst ? session.token : session.lastToken, key, bench, durable: session.durable,
            accepted: session.accepted)
    }

    private static let ends: [Case] =
        [true, false].flatMap { isFirst -> [Case] in
            let which = isFirst ? "first" : "last"
            return [
                ResumeCases.resumable(
                    "kill-in-commit.\(which)-token",
                    "killed in the commit, the object is whole or the session open, and the \(which) token says which",
                    .slot("write_commit")
                ) { bench in try inCommit(byFirstToken: isFirst, bench) },
                ResumeCases.resumable(
                    "kill-after-commit.\(which)-token", "killed after the commit, the \(which) token says COMMITTED",
                    .slot("write_resume")
                ) { bench in
                    let key = bench.key()
                    let session = try Session(bench, key)
                    try session.write(session.unit + 3)
                    try session.sync()
                    try session.peer.run(.commit)
                    session.peer.kill()
                    try bench.check(committed: isFirst ? session.token : session.lastToken)
                    try bench.check(key, holds: Pattern.bytes(Int(session.accepted)))
                },
            ]
        } + [
            ResumeCases.resumable(
                "kill-after-abort", "killed after write_abort, the session is gone", .slot("write_abort")
            ) {
                bench in
                let key = bench.key()
                let session = try Session(bench, key)
                try session.write(session.unit + 3)
                try session.peer.run(.abort)
                session.peer.kill()
                try bench.check(gone: session.token, "after write_abort")
                try bench.check(absent: key, "after write_abort")
            },
            ResumeCases.resumable(
                "kill-after-discard", "killed after write_discard, the session is gone", .slot("write_discard")
            ) {
                bench in
                let session = try Session(bench, bench.key())
                try session.write(10)
                try session.peer.run(.close)
                try session.peer.run(.discard(token: session.token))
                session.peer.kill()
                try bench.check(gone: session.token, "after write_discard")
            },
            ResumeCases.resumable(
                "kill-again-and-again", "a session outlives any number of crashes", .slot("write_close")
            ) {
                bench in
                let key = bench.key()
                let first = try Session(bench, key)
                first.peer.kill()
                var accepted: UInt64 = 0
                for _ in 0..<4 {
                    let peer = try bench.peer()
                    let offset = try peer.run(.resume(token: first.token, offset: FP_SIZE_UNKNOWN)).number
                    try bench.check(offset <= accepted, "durable_offset is \(offset) of \(accepted) bytes ever written")
                    accepted = try peer.run(.write(count: try bench.unit + 13, seed: 1)).number
                    let durable = try peer.run(.sync(flags: FP_SYNC_SUSPEND)).number
                    peer.kill()
                    let writer = try bench.reopen(first.token)
                    try bench.check(
                        writer.offset >= durable, "\(durable) bytes were safe, and \(writer.offset) are there")
                    writer.close()
                    accepted = max(accepted, durable)
                }
                try ResumeCases.finish(first.token, key, bench, durable: 0, accepted: accepted)
            },
        ]

    private static func inCommit(byFirstToken isFirst: Bool, _ bench: Bench) throws {
        for attempt in 0..<3 {
            let key = bench.key("\(attempt)")
            let session = try Session(bench, key)
            try session.write(session.unit + 3)
            try session.sync(FP_SYNC_SUSPEND)
            try session.peer.send(.commit)
            usleep(.random(in: 0...4000, using: &bench.generator))
            session.peer.kill()
            let token = isFirst ? session.token : session.lastToken
            let bytes = Pattern.bytes(Int(session.accepted))
            if let found = try bench.store.lookup(key) {
                try bench.check(found.size == session.accepted, "an object of \(found.size) bytes is visible")
                try bench.check(key, holds: bytes)
                try bench.check(committed: token)
                continue
            }
            // The commit may still be under way at the back-end; then it shows by the time the token is asked about.
            switch try bench.store.resume(token) {
            case .committed: try bench.check(key, holds: bytes)
            case .open(let writer):
                try ResumeCases.fill(writer, to: bytes.count, bench)
                try writer.commit()
                writer.close()
                try bench.settle { try bench.store.lookup(key) != nil }
                try bench.check(key, holds: bytes)
            }
        }
    }
}
