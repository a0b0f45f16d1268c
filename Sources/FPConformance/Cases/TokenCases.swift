import FPContractDriver
import FPPluginAPI

/// The names that sessions are kept under.
enum TokenCases {
    static let all: [Case] = [
        ResumeCases.resumable("token", "write_begin gives a token of at most FP_TOKEN_MAX bytes", .slot("write_begin"))
        { bench in
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try bench.check(
                (1...Int(FP_TOKEN_MAX)).contains(writer.firstToken.count),
                "the token has \(writer.firstToken.count) bytes")
        },
        ResumeCases.resumable("tokens-differ", "two sessions have two tokens, even for one key", .slot("write_begin")) {
            bench in
            let key = bench.key()
            let one = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let other = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try bench.check(one.firstToken != other.firstToken, "two sessions share a token")
        },
        ResumeCases.resumable("token-no-secrets", "a token holds no credentials", .slot("write_begin")) { bench in
            let secrets = bench.plan.options.secrets
            guard !secrets.isEmpty else { throw Inapplicable(reason: "no secret option is given") }
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            let text = String(decoding: writer.firstToken, as: UTF8.self)
            try bench.check(!secrets.contains { text.contains($0) }, "the token tells a secret option's value")
        },
        ResumeCases.resumable("token-unknown", "the token of no session is E_GONE", .slot("write_resume")) { bench in
            for token in [
                Array("none of yours".utf8), [0], [UInt8](repeating: 0xFF, count: 100),
                [UInt8](repeating: 0x61, count: Int(FP_TOKEN_MAX)),
            ] {
                try bench.check(gone: token, "by a token of \(token.count) bytes that it never gave out")
            }
        },
        ResumeCases.resumable(
            "token-damaged", "a damaged token is E_GONE, or still names its session, and never crashes",
            .slot("write_resume")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let token = writer.firstToken
            try writer.write([1, 2, 3])
            writer.close()
            for _ in 0..<40 {
                var damaged = token
                let place = Int.random(in: damaged.indices, using: &bench.generator)
                switch Int.random(in: 0...2, using: &bench.generator) {
                case 0: damaged[place] ^= UInt8.random(in: 1...255, using: &bench.generator)
                case 1: damaged = Array(damaged[..<place])
                default: damaged.insert(UInt8.random(in: 0...255, using: &bench.generator), at: place)
                }
                if damaged.isEmpty { continue }
                do {
                    if case .open(let writer) = try bench.store.resume(damaged) { writer.close() }
                } catch let failure as Failure {
                    try bench.check(
                        [FP_E_GONE, FP_E_INVALID, FP_E_DENIED].contains(failure.status),
                        "\(failure) for a damaged token")
                }
            }
        },
        ResumeCases.resumable("sync-token", "a token from write_sync is as good as the first", .slot("write_begin")) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: 2 * (try bench.unit) + 10, bench)
            let durable = try writer.sync()
            let token = writer.token
            let accepted = writer.offset
            writer.close()
            try ResumeCases.finish(token, key, bench, durable: durable, accepted: accepted)
        },
        ResumeCases.resumable(
            "first-token", "the first token stays good, whatever newer ones there are", .slot("write_begin")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            let token = writer.firstToken
            var durable: UInt64 = 0
            for _ in 0..<3 {
                try ResumeCases.fill(writer, to: Int(writer.offset) + (try bench.unit) + 5, bench)
                durable = try writer.sync()
            }
            let accepted = writer.offset
            writer.close()
            try ResumeCases.finish(token, key, bench, durable: durable, accepted: accepted)
        },
        ResumeCases.resumable(
            "other-instance", "a token is good on another store with the same options", .slot("write_begin")
        ) {
            bench in
            let key = bench.key()
            let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
            try ResumeCases.fill(writer, to: 5000, bench)
            try writer.sync()
            writer.close()
            let other = try bench.another()
            let again = try bench.reopen(writer.firstToken, in: other)
            try ResumeCases.fill(again, to: 9000, bench)
            try again.commit()
            again.close()
            try bench.check(key, holds: Pattern.bytes(9000))
        },
    ]
}
