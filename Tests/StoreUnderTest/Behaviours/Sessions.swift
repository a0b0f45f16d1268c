import FPPluginAPI
import PluginTestKit
import Testing

extension Behaviour {
    package static let sessions: [Behaviour] = [
        Behaviour("A session goes on where it was synced, by its first token, in another instance") { kind in
            let bytes = Pattern.bytes(3 * kind.unit - 100)
            for cut in [1000, kind.unit, kind.unit + 1000, 2 * kind.unit + 5] {
                let place = try kind.place()
                let first = try place.store.begin("a/k", flags: FP_W_RESUMABLE, size: UInt64(bytes.count))
                let token = first.token
                try first.write(Array(bytes[..<cut]))
                #expect(try first.sync() == UInt64(cut))
                try first.write(Array(bytes[cut..<cut + 500]))
                first.close()
                #expect(try place.store.lookup("a/k") == nil)
                #expect(try place.store.keys() == [])
                #expect(place.tree() == [])
                let other = try place.another()
                let second = try #require(try other.resume(token).writer)
                #expect(second.offset == UInt64(cut + (kind.has(.closingSyncs) ? 500 : 0)))
                try second.write(Array(bytes[Int(second.offset)...]))
                try second.commit()
                second.close()
                expectSame(try other.get("a/k"), bytes)
                #expect(try other.resume(token).writer == nil)
                try place.expectNothingStaged()
            }
        },
        Behaviour("In small chunks, no acknowledged byte ever goes back") { kind in
            let place = try kind.place()
            let bytes = Pattern.bytes(kind.unit * 5 / 2 + 1)
            let token = try place.store.begin("k", flags: FP_W_RESUMABLE, size: UInt64(bytes.count)).token
            var offset = 0
            while offset < bytes.count {
                let writer = try #require(try place.store.resume(token, at: UInt64(offset)).writer)
                let end = min(offset + kind.unit / 2 - 100, bytes.count)
                try writer.write(Array(bytes[offset..<end]))
                #expect(try writer.sync() == UInt64(end))
                offset = end
                if offset == bytes.count { try writer.commit() }
                writer.close()
            }
            expectSame(try place.store.get("k"), bytes)
        },
        Behaviour("A session can be taken back to its last two syncs, and to the start, for other bytes to come") {
            kind in
            for (first, second, back) in [(4, 8, 1), (6, 14, 0), (6, 14, 1), (6, 14, 2), (10, 20, 1), (8, 22, 2)] {
                try takeBack(to: back, of: [0, first * kind.unit / 10, second * kind.unit / 10], kind)
            }
        },
        Behaviour("A session with a live writer of the same store is not given to another") { kind in
            let place = try kind.place()
            let writer = try place.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write([1, 2, 3])
            try writer.sync()
            expectFailure(FP_E_CONFLICT) { try place.store.resume(writer.token) }
            writer.close()
            #expect(try place.store.resume(writer.token).writer?.offset == 3)
        },
        Behaviour("Wrong offsets and sizes are refused, and end only what they must") { kind in
            let place = try kind.place()
            let writer = try place.store.begin("k", flags: FP_W_RESUMABLE)
            let token = writer.token
            try writer.write([1, 2, 3])
            try writer.sync()
            expectFailure(FP_E_INVALID) { try writer.commit(size: 4) }
            expectFailure(FP_E_INVALID) { try writer.commit(size: 2) }
            #expect(try place.store.lookup("k") == nil)
            writer.close()
            let again = try #require(try place.store.resume(token).writer)
            expectFailure(FP_E_INVALID) { try again.write([1], at: 2) }
            expectFailure(FP_E_INVALID) { try again.write([1], at: 3) }
            expectFailure(FP_E_INVALID) { try again.sync() }
            again.close()
            let last = try #require(try place.store.resume(token).writer)
            #expect(last.offset == 3)
            try last.commit()
        },
        Behaviour("A committed session is recognised by its object, and only by that") { kind in
            let place = try kind.place(replacing: true)
            func commit(_ key: String) throws -> [UInt8] {
                let writer = try place.store.begin(key, flags: FP_W_RESUMABLE)
                try writer.write(Pattern.bytes(10_000))
                try writer.commit()
                return writer.token
            }
            let kept = try commit("kept")
            let removed = try commit("removed")
            let replaced = try commit("replaced")
            let moved = try commit("moved")
            try place.store.remove("removed")
            try place.store.put("replaced", Pattern.bytes(10_000))
            _ = try place.store.copy("moved", to: "elsewhere", flags: FP_COPY_MOVE)
            #expect(try place.store.resume(kept).writer == nil)
            for token in [removed, replaced, moved] { expectFailure(FP_E_GONE) { try place.store.resume(token) } }
            try place.store.discard(kept)
            #expect(try place.store.get("kept") == Pattern.bytes(10_000))
            #expect(try place.store.resume(kept).writer == nil)
        },
        Behaviour("Another session that won the key does not count as this one's commit") { kind in
            let place = try kind.place()
            let loser = try place.store.begin("k", flags: FP_W_RESUMABLE)
            let winner = try place.store.begin("k", flags: FP_W_RESUMABLE)
            for writer in [loser, winner] {
                try writer.write(Pattern.bytes(10_000))
                try writer.sync()
            }
            try winner.commit()
            expectFailure(FP_E_EXISTS) { try loser.commit() }
            loser.close()
            #expect(try place.store.resume(loser.token).writer?.offset == 10_000)
            try place.store.discard(loser.token)
            expectFailure(FP_E_GONE) { try place.store.resume(loser.token) }
            #expect(try place.store.get("k") == Pattern.bytes(10_000))
        },
        Behaviour("A failed commit can be tried again on the same writer") { kind in
            let place = try kind.place()
            for flags in [0, FP_W_RESUMABLE] {
                let writer = try place.store.begin("k", flags: flags)
                try place.store.put("k", [1])
                try writer.write([2])
                expectFailure(FP_E_EXISTS) { try writer.commit() }
                try place.store.remove("k")
                try writer.commit()
                #expect(try place.store.get("k") == [2])
                try place.store.remove("k")
            }
        },
        Behaviour("Dropping a session is idempotent, and leaves nothing of it") { kind in
            let place = try kind.place()
            let writer = try place.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(kind.unit + 1))
            try writer.sync()
            try writer.abort()
            try writer.abort()
            expectFailure(FP_E_INVALID) { try writer.commit() }
            writer.close()
            expectFailure(FP_E_GONE) { try place.store.resume(writer.token) }
            try place.expectNothingStaged()
            let other = try place.store.begin("k", flags: FP_W_RESUMABLE)
            try other.write([1])
            try other.sync()
            other.close()
            for _ in 0..<2 { try place.store.discard(other.token) }
            expectFailure(FP_E_GONE) { try place.store.resume(other.token) }
            try place.expectNothingStaged()
        },
        Behaviour("A session that is dropped under its writer is gone, never complete") { kind in
            let place = try kind.place()
            let writer = try place.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(kind.unit))
            try writer.sync()
            try place.another().discard(writer.token)
            expectFailure(FP_E_GONE) {
                try writer.write(Pattern.bytes(kind.unit + 1))
                try writer.commit()
            }
            writer.close()
            expectFailure(FP_E_GONE) { try place.store.resume(writer.token) }
            #expect(try place.store.lookup("k") == nil)
            try place.expectNothingStaged()
        },
        Behaviour("Tokens that are none of the store's are gone, and dropping them succeeds") { kind in
            let place = try kind.place()
            let token = try place.store.begin("k", flags: FP_W_RESUMABLE).token
            var tokens: [[UInt8]] = [[], [0], [1], [1, 2, 3], Array("nonsense".utf8), token + [0]]
            tokens += [[2] + token.dropFirst()] + (0..<token.count).map { Array(token.prefix($0)) }
            for token in tokens {
                expectFailure(FP_E_GONE) { try place.store.resume(token) }
                try place.store.discard(token)
            }
            #expect(try place.store.resume(token).writer != nil)
        },
        Behaviour("Unfinished sessions are listed with their sizes and with tokens that work, in pages") { kind in
            let place = try kind.place()
            var tokens: [String: [UInt8]] = [:]
            for index in 0..<25 {
                let writer = try place.store.begin("p/\(index)", flags: FP_W_RESUMABLE)
                try writer.write([UInt8](repeating: 1, count: index))
                try writer.sync()
                writer.close()
                tokens["p/\(index)"] = writer.token
            }
            for limit: UInt32 in [1, 7, 25, 100] {
                let found = try place.store.all(pending: true, limit: limit)
                #expect(Set(found.map(\.key)) == Set(tokens.keys))
                #expect(found.count == 25)
            }
            #expect(try place.store.all(pending: true, prefix: "p/1").count == 11)
            for entry in try place.store.all(pending: true) {
                #expect(entry.isPending && "p/\(entry.size)" == entry.key && entry.modified > 0)
                if kind.has(.folders) { #expect(entry.token == tokens[entry.key]) }
                #expect(try place.store.resume(entry.token).writer?.offset == entry.size)
                try place.store.discard(entry.token)
            }
            #expect(try place.store.all(pending: true) == [])
        },
        Behaviour("Any sequence of writes, syncs, closes, resumes, rewinds and commits does what the contract says") {
            kind in
            var random = SeededGenerator("any sequence on \(kind.name)")
            for round in 0..<kind.rounds(60) {
                let place = try kind.place()
                var session = try RandomSession(kind, place, "d\(round % 3)/k")
                try session.run(&random)
            }
        },
    ]

    /// Syncs a session twice and takes it back to one of three offsets: its start and the two syncs.
    private static func takeBack(to choice: Int, of offsets: [Int], _ kind: StoreKind) throws {
        let place = try kind.place()
        let writer = try place.store.begin("k", flags: FP_W_RESUMABLE)
        let token = writer.token
        let whole = Pattern.bytes(offsets[2])
        try writer.write(Array(whole[..<offsets[1]]))
        try writer.sync()
        try writer.write(Array(whole[offsets[1]...]))
        try writer.sync()
        try writer.write(Pattern.bytes(kind.unit, seed: 3))
        writer.close()
        let kept = offsets[2] + (kind.has(.closingSyncs) ? kind.unit : 0)
        expectFailure(FP_E_RANGE) { try place.store.resume(token, at: UInt64(kept + 1)) }
        let offset = offsets[choice]
        let again = try #require(try place.store.resume(token, at: UInt64(offset)).writer)
        #expect(again.offset == UInt64(offset))
        again.close()
        let last = try #require(try place.store.resume(token).writer)
        #expect(last.offset == UInt64(offset))
        let rest = Pattern.bytes(kind.unit + 10, seed: 4)
        try last.write(rest)
        try last.commit()
        expectSame(try place.store.get("k"), Array(whole[..<offset]) + rest)
    }
}
