import FPContractDriver
import FPPluginAPI

/// Several processes at one key.
enum RaceCases {
    static let all: [Case] = [
        Case(
            "race.create", "of racing FP_W_IF_NOT_EXISTS commits exactly one wins", .slot("FP_CAP_ATOMIC_CREATE"),
            needs: [.caps(FP_CAP_ATOMIC_CREATE)]
        ) {
            bench in
            let peers = try peers(4, bench)
            for round in 0..<8 {
                let key = bench.key("\(round)")
                for (index, peer) in peers.enumerated() {
                    try peer.run(.begin(key: key, flags: FP_W_IF_NOT_EXISTS))
                    try peer.run(.write(count: 5000, seed: UInt64(index + 1)))
                }
                let answers = try together(peers) { _ in .commit }
                try oneWinner(answers, key, bench)
                for peer in peers { try peer.run(.close) }
            }
        },
        Case(
            "race.create-resumable", "of racing sessions with FP_W_IF_NOT_EXISTS exactly one wins",
            .slot("FP_CAP_ATOMIC_CREATE"), needs: [.caps(FP_CAP_ATOMIC_CREATE | FP_CAP_RESUMABLE)]
        ) {
            bench in
            let peers = try peers(4, bench)
            for round in 0..<8 {
                let key = bench.key("\(round)")
                for (index, peer) in peers.enumerated() {
                    try peer.run(.begin(key: key, flags: FP_W_IF_NOT_EXISTS | FP_W_RESUMABLE))
                    try peer.run(.write(count: 5000, seed: UInt64(index + 1)))
                }
                let answers = try together(peers) { _ in .commit }
                try oneWinner(answers, key, bench)
                for peer in peers {
                    _ = try peer.ask(.abort)
                    try peer.run(.close)
                }
            }
        },
        Case(
            "race.create-whole", "of racing puts with FP_W_IF_NOT_EXISTS exactly one wins",
            .slot("FP_CAP_ATOMIC_CREATE"), needs: [.caps(FP_CAP_ATOMIC_CREATE)]
        ) {
            bench in
            let peers = try peers(4, bench)
            for round in 0..<8 {
                let key = bench.key("\(round)")
                let answers = try together(peers) {
                    .put(key: key, count: 5000, seed: UInt64($0 + 1), flags: FP_W_IF_NOT_EXISTS)
                }
                try oneWinner(answers, key, bench)
            }
        },
        Case(
            "race.copy", "of racing copies with FP_COPY_IF_NOT_EXISTS at most one wins", .slot("FP_COPY_IF_NOT_EXISTS"),
            needs: [.caps(FP_CAP_COPY | FP_CAP_ATOMIC_CREATE)]
        ) {
            bench in
            let peers = try peers(3, bench)
            for index in peers.indices {
                try bench.put(bench.key("s\(index)"), Pattern.bytes(5000, seed: UInt64(index + 1)))
            }
            for round in 0..<6 {
                let target = bench.key("t\(round)")
                let answers = try together(peers) {
                    .copy(source: bench.key("s\($0)"), target: target, flags: FP_COPY_IF_NOT_EXISTS)
                }
                if answers.allSatisfy({ $0.status == FP_E_UNSUPPORTED }) {
                    throw Inapplicable(reason: "it leaves FP_COPY_IF_NOT_EXISTS to the host")
                }
                try oneWinner(answers, target, bench)
            }
        },
        Case(
            "race.move", "of racing moves of one object exactly one wins", .slot("FP_CAP_MOVE_ATOMIC"),
            needs: [.caps(FP_CAP_MOVE_ATOMIC)]
        ) {
            bench in
            let peers = try peers(3, bench)
            for round in 0..<6 {
                let source = bench.key("s\(round)")
                try bench.put(source, Pattern.bytes(3000))
                let answers = try together(peers) {
                    .copy(source: source, target: bench.key("t\(round)-\($0)"), flags: FP_COPY_MOVE)
                }
                let winners = answers.indices.filter { answers[$0].status == FP_OK }
                try bench.check(winners.count == 1, "\(winners.count) of 3 moves succeeded")
                for index in answers.indices where index != winners.first {
                    try bench.check(answers[index].status == FP_E_NOT_FOUND, answers[index].message)
                    try bench.check(absent: bench.key("t\(round)-\(index)"), "of a move that failed")
                }
                try bench.check(bench.key("t\(round)-\(winners[0])"), holds: Pattern.bytes(3000))
            }
        },
        Case(
            "race.replace", "while others replace an object, a reader sees one whole version or another", .rule(7),
            needs: [.caps(FP_CAP_ATOMIC_REPLACE)]
        ) {
            bench in
            let key = bench.key()
            let peers = try peers(3, bench)
            try bench.put(key, Pattern.bytes(20_000, seed: 1))
            for _ in 0..<6 {
                for (index, peer) in peers.enumerated() {
                    try peer.send(.put(key: key, count: 20_000 + index * 5000, seed: UInt64(index + 1), flags: 0))
                }
                for _ in 0..<6 {
                    let reader = try bench.store.open(key)
                    do {
                        let found = try reader.rest(7000)
                        try bench.check(
                            isVersion(found, of: 3),
                            "a reader saw \(found.count) bytes that are no version of the object")
                    } catch is Failure {
                        // It may fail cleanly when its version goes away.
                    }
                    try bench.check(bench.store.lookup(key) != nil, "there was a moment with no object")
                }
                for peer in peers {
                    let answer = try peer.answer()
                    try bench.check(answer.status == FP_OK, answer.message)
                }
            }
            try bench.check(isVersion(try bench.store.get(key), of: 3), "the object is no version of itself")
        },
        Case("race.put-remove", "while others write and remove an object, it is whole or absent", .rule(7)) { bench in
            let key = bench.key()
            let peers = try peers(2, bench)
            for round in 0..<10 {
                try peers[0].send(.put(key: key, count: 9000, seed: 1, flags: 0))
                try peers[1].send(.remove(key: key))
                do {
                    let found = try bench.store.get(key)
                    try bench.check(found, is: Pattern.bytes(9000), "in round \(round), the object")
                } catch is Failure {
                    // Absent, or gone while it was read.
                }
                let put = try peers[0].answer()
                try bench.check([FP_OK, FP_E_EXISTS].contains(put.status), put.message)
                try bench.check(peers[1].answer().status == FP_OK, "remove failed")
                try bench.store.remove(key)
                try bench.settle { try bench.store.lookup(key) == nil }
            }
        },
        Case(
            "race.resume", "of racing resumes of one session exactly one gets it", .slot("FP_CAP_FENCED"),
            needs: [.caps(FP_CAP_FENCED | FP_CAP_RESUMABLE)]
        ) {
            bench in
            let peers = try peers(3, bench)
            let writer = try bench.store.begin(bench.key(), flags: FP_W_RESUMABLE)
            try writer.write([1, 2, 3])
            writer.close()
            for _ in 0..<6 {
                let answers = try together(peers) { _ in .resume(token: writer.firstToken, offset: FP_SIZE_UNKNOWN) }
                let winners = answers.filter { $0.status == FP_OK }
                try bench.check(winners.count == 1, "\(winners.count) of 3 got the session")
                for answer in answers where answer.status != FP_OK {
                    try bench.check(answer.status == FP_E_CONFLICT, answer.message)
                }
                for peer in peers { try peer.run(.close) }
            }
        },
        Case(
            "race.discard", "a discard that races a resume ends the session or leaves it whole", .slot("write_discard"),
            needs: [.caps(FP_CAP_RESUMABLE)]
        ) {
            bench in
            let peers = try peers(2, bench)
            for round in 0..<5 {
                let key = bench.key("\(round)")
                let writer = try bench.store.begin(key, flags: FP_W_RESUMABLE)
                try writer.write(Pattern.bytes(2000))
                writer.close()
                let answers = try together(peers) {
                    $0 == 0
                        ? .resume(token: writer.firstToken, offset: FP_SIZE_UNKNOWN)
                        : .discard(token: writer.firstToken)
                }
                // The one that discards may hold the session for a moment.
                try bench.check(
                    [FP_OK, FP_E_GONE, FP_E_CONFLICT].contains(answers[0].status), answers[0].message)
                try bench.check([FP_OK, FP_E_CONFLICT].contains(answers[1].status), answers[1].message)
                try peers[0].run(.close)
                try bench.check(absent: key, "of a session that never was committed")
            }
        },
    ]

    private static func peers(_ count: Int, _ bench: Bench) throws -> [Peer] {
        try (0..<count).map { _ in try bench.peer() }
    }

    /// Sends each process its command, to be begun at the same moment.
    private static func together(_ peers: [Peer], _ command: (Int) -> PeerCommand) throws -> [PeerAnswer] {
        let start = MonotonicClock.nanoseconds + 5_000_000
        for (index, peer) in peers.enumerated() {
            try peer.send(.wait(until: start))
            try peer.send(command(index))
        }
        return try peers.map { peer in
            _ = try peer.answer()
            return try peer.answer()
        }
    }

    private static func oneWinner(_ answers: [PeerAnswer], _ key: String, _ bench: Bench) throws {
        let winners = answers.indices.filter { answers[$0].status == FP_OK }
        try bench.check(winners.count == 1, "\(winners.count) of \(answers.count) succeeded")
        for answer in answers where answer.status != FP_OK {
            try bench.check(answer.status == FP_E_EXISTS, "\(answer.message), where FP_E_EXISTS was due")
        }
        try bench.settle { try bench.store.lookup(key) != nil }
        try bench.check(key, holds: Pattern.bytes(5000, seed: UInt64(winners[0] + 1)))
    }

    private static func isVersion(_ bytes: [UInt8], of count: Int) -> Bool {
        (0..<count).contains { index in
            (bytes.count == 20_000 + index * 5000 || (index == 0 && bytes.count == 20_000))
                && bytes == Pattern.bytes(bytes.count, seed: UInt64(index + 1))
        }
    }
}
