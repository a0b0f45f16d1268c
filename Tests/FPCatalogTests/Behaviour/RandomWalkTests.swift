import FPCatalog
import FPFormats
import Support
import Testing

/// One call of the protocol with its arguments.
private enum Call {
    case insert(UploadRecord, OwnerLimits, UploadSource?), upload(UploadID), find(Destination)
    case advance(UploadID, ChunkArrival, OwnerLimits)
    case verified(UploadID, Int, Destination, Timestamp)
    case rewind(UploadID, UInt64, Timestamp), chunk(UploadID, UInt64), digests(UploadID, FileDigests, Int)
    case complete(UploadID, FileRecord, ChunkRecord?, Timestamp), touch(UploadID, Timestamp)
    case beginStoring(UploadID, [Destination]), beginNumbered(UploadID, Int, Int)
    case replace(UploadID, Destination), replacement(UploadID)
    case recordSession(UploadID, Int, [UInt8], Timestamp)
    case finishStoring(UploadID, [String?], Timestamp), abandonStoring(UploadID, Timestamp)
    case beginDeleting(UploadID, Set<UploadState>), forget(UploadID), expired(Timestamp, Int)
    case interrupted(Set<UploadState>, Int), knownKeys([String], String), knownTokens([[UInt8]])
    case beginAgain(UploadID, FileRecord, Timestamp), forgetBegun(String, Timestamp, String), begun([String], String)

    static func random(_ ids: [UploadID], _ random: inout SeededGenerator) -> Call {
        let world = RandomWorld()
        let id = random.pick(ids)
        let now = world.time(&random)
        let offset = UInt64.random(in: 0...4, using: &random) * 10
        let chunk = ChunkRecord(offset: offset, length: random.pick([0, 5, 10, 20]), fingerprint: random.next())
        let few = random.pick([1, 1, 1, 2, 3])
        switch Int.random(in: 0..<33, using: &random) {
        case 32: return .verified(id, few - 1, world.destination(&random), now)
        case 31: return .digests(id, world.digests(&random), few - 1)
        case 0...3: return .insert(world.upload(id, &random), world.limits(&random), world.source(&random))
        case 4: return .upload(id)
        case 5: return .find(world.destination(&random))
        case 6...7:
            return .advance(
                id,
                ChunkArrival(
                    random.pick([.whole(chunk), .part(upTo: offset + 3)]), size: random.pick([nil, 40]),
                    name: random.pick(["", "n"]),
                    token: random.pick([nil, [1], [2, 0]]), digest: random.pick([nil, [1], [UInt8(offset)]]),
                    arrivedAt: now
                ), world.limits(&random)
            )
        case 8: return .rewind(id, offset + random.pick([0, 5]), now)
        case 9: return .chunk(id, offset)
        case 10...11: return .complete(id, world.file(&random), random.pick([nil, chunk]), now)
        case 12: return .touch(id, now)
        case 13...14: return .beginStoring(id, (0..<few).map { _ in world.destination(&random) })
        case 15: return .recordSession(id, few - 1, [3], now)
        case 16...17: return .finishStoring(id, (0..<few).map { _ in random.pick([nil, "new"]) }, now)
        case 18: return .abandonStoring(id, now)
        case 19: return .beginDeleting(id, Set(UploadState.allCases.filter { _ in random.chance(50) }))
        case 20: return .forget(id)
        case 21: return .expired(now, random.pick([0, 1, 3, 100]))
        case 22: return .interrupted(Set(UploadState.allCases.filter { _ in random.chance(50) }), few)
        case 23: return .beginAgain(id, world.file(&random), now)
        case 24: return .forgetBegun(world.destination(&random).store, now, world.destination(&random).key)
        case 25: return .begun((0..<6).map { _ in world.destination(&random).key }, world.destination(&random).store)
        case 26: return .beginNumbered(id, random.pick([1, 1, 2]), few)
        case 27...28:
            var place = world.destination(&random)
            place.replaced = Replaced(
                upload: random.chance(80) ? random.pick(ids) : nil, etag: random.pick([nil, "e"]))
            return .replace(id, place)
        case 29: return .replacement(id)
        default:
            return random.chance(50)
                ? .knownKeys((0..<6).map { _ in world.destination(&random).key }, world.destination(&random).store)
                : .knownTokens((0..<8).map { [UInt8($0)] })
        }
    }

    /// What the call returned or refused, as one comparable text.
    func outcome(on catalog: any Catalog) async -> String {
        do throws(CatalogError) {
            return "\(try await result(on: catalog))"
        } catch {
            return "\(Refusal(error))"
        }
    }

    private func result(on catalog: any Catalog) async throws(CatalogError) -> Any {
        switch self {
        case .insert(let upload, let limits, let source):
            return try await catalog.insert(upload, within: limits, countedIn: nil, from: source)
        case .upload(let id): return try await catalog.upload(id) as Any
        case .find(let place): return try await catalog.upload(store: place.store, key: place.key) as Any
        case .advance(let id, let change, let limits):
            return try await catalog.advance(id, by: change, within: limits)
        case .rewind(let id, let offset, let now): return try await catalog.rewind(id, to: offset, at: now)
        case .chunk(let id, let offset): return try await catalog.chunk(of: id, at: offset) as Any
        case .complete(let id, let file, let chunk, let now):
            return try await catalog.complete(id, file: file, chunk: chunk, at: now)
        case .digests(let id, let digests, let file):
            return try await catalog.recordDigests(digests, of: id, file: file)
        case .verified(let id, let file, let place, let now):
            return try await catalog.recordVerification(of: id, file: file, in: place, at: now)
        case .touch(let id, let now): return try await catalog.touch(id, at: now)
        case .beginStoring(let id, let places): return try await catalog.beginStoring(id, destinations: places)
        case .replace(let id, var place):
            // Where the other one is: else hardly anything would be replaced.
            if let other = place.replaced?.upload, let record = try await catalog.upload(other), record.state == .stored
            {
                (place.store, place.key) = (record.files[0].store, record.files[0].key)
            }
            return try await catalog.beginStoring(id, destinations: [place])
        case .replacement(let id): return try await catalog.replacement(of: id) as Any
        case .beginNumbered(let id, let first, let count):
            return try await catalog.beginStoring(id, from: first) { number in
                (0..<count).map { Destination(store: "media", key: "\($0 == 0 ? "a" : "b\($0)")_\(number)") }
            } as Any
        case .recordSession(let id, let file, let token, let now):
            return try await catalog.recordStoringSession(id, file: file, token: token, at: now)
        case .beginAgain(let id, let file, let now):
            return try await catalog.beginAgain(id, file: file, token: [4], at: now)
        case .forgetBegun(let store, let moment, let key):
            return try await catalog.forgetBegunWrites(in: store, before: moment, except: [TextKey(key)])
        case .begun(let keys, let store):
            let begun = try await catalog.begunWrites(to: keys, in: store)
            return (
                begun.map { "\(Array($0.key.text.utf8)) \($0.value.milliseconds)" }.sorted(),
                try await catalog.storesWithBegunWrites(before: Timestamp(milliseconds: 50)).sorted()
            )
        case .finishStoring(let id, let etags, let now):
            return try await catalog.finishStoring(id, etags: etags, at: now)
        case .abandonStoring(let id, let now): return try await catalog.abandonStoring(id, at: now)
        case .beginDeleting(let id, let states): return try await catalog.beginDeleting(id, from: states) as Any
        case .forget(let id): return try await catalog.forget(id)
        case .expired(let moment, let limit): return try await catalog.expired(before: moment, limit: limit)
        case .interrupted(let states, let limit):
            return try await catalog.uploads(in: states, after: nil, limit: limit)
        case .knownKeys(let keys, let store):
            return try await catalog.known(keys: keys, in: store).map { Array($0.text.utf8).description }.sorted()
        case .knownTokens(let tokens): return try await catalog.known(tokens: tokens).map(\.description).sorted()
        }
    }
}

@Suite struct RandomWalkTests {
    @Test(arguments: CatalogUnderTest.databases, 0..<8)
    func `any sequence of calls has the outcomes of the model`(_ withCatalog: CatalogUnderTest, _ round: Int)
        async throws
    {
        var random = SeededGenerator()
        let seed = random.seed
        print("random walk: FPHOST_TEST_SEED=\(seed)")
        let ids = (0..<8).map { _ in UploadID.random(&random) }
        try await withCatalog { catalog in
            let model = ModelCatalog()
            for step in 0..<600 {
                let call = Call.random(ids, &random)
                let outcome = await call.outcome(on: catalog)
                let expected = await call.outcome(on: model)
                try #require(outcome == expected, "seed \(seed), step \(step), \(call)")
                guard step % 20 == 0 else { continue }
                for id in ids {
                    try #require(try await catalog.upload(id) == model.upload(id), "seed \(seed), step \(step)")
                    for offset in stride(from: 0, through: 40, by: 10) as StrideThrough<UInt64> {
                        let chunk = try await catalog.chunk(of: id, at: offset)
                        try #require(try await chunk == model.chunk(of: id, at: offset), "seed \(seed), step \(step)")
                    }
                }
                for owner in ["", "ann", "Ann", "bob", "nobody"] {
                    try #require(
                        try await catalog.usage(of: owner) == model.usage(of: owner), "seed \(seed), step \(step)")
                }
                for source in RandomWorld.sources {
                    try #require(
                        try await catalog.inProgress(from: source, countingTo: 3)
                            == model.inProgress(from: source, countingTo: 3), "seed \(seed), step \(step)")
                }
                try #require(try await catalog.counts() == model.counts(), "seed \(seed), step \(step)")
                try #require(try await catalog.storesInUse() == model.storesInUse(), "seed \(seed), step \(step)")
                var query = UploadQuery()
                query.states = Set(UploadState.allCases)
                try #require(
                    try await catalog.uploads(matching: query) == model.uploads(matching: query),
                    "seed \(seed), step \(step)"
                )
            }
        }
    }
}
