import Logging
import Support
import Testing

@testable import FPCatalog

@Suite struct OwnersKeptTests {
    private static let owners = ["", "ann", "Ann", "bob"]

    private func open(_ directory: TemporaryDirectory, countsOwners: Bool) async throws -> SQLiteCatalog {
        try await SQLiteCatalog.open(
            path: directory.catalogPath, durability: .process, countsOwners: countsOwners,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// The same change to the catalog and to the model.
    private func change(_ id: UploadID, _ catalogs: [any Catalog], _ random: inout SeededGenerator) async throws {
        let world = RandomWorld()
        let (now, kind) = (world.time(&random), Int.random(in: 0..<9, using: &random))
        let (upload, file) = (world.upload(id, &random), world.file(&random))
        let destinations = (0..<random.pick([1, 1, 2])).map { _ in world.destination(&random) }
        let arrival = ChunkArrival(
            .part(upTo: random.pick([3, 30, 300])), size: random.pick([nil, nil, 400]), name: "", token: nil,
            arrivedAt: now)
        for catalog in catalogs {
            // What is refused is refused by both, or the owners' sums differ in the end.
            switch kind {
            case 0...2: try? await catalog.insert(upload)
            case 3: _ = try? await catalog.advance(id, by: arrival)
            case 4: _ = try? await catalog.complete(id, file: file, chunk: nil, at: now)
            case 5: _ = try? await catalog.beginStoring(id, destinations: destinations)
            case 6: _ = try? await catalog.finishStoring(id, etags: destinations.map { _ in nil }, at: now)
            case 7: _ = try? await catalog.beginDeleting(id, from: [upload.state])
            default: try? await catalog.forget(id)
            }
        }
    }

    @Test(arguments: 0..<4)
    func `what owners have is right whenever it is kept, whatever was changed while it was not`(round: Int) async throws
    {
        var random = SeededGenerator()
        let seed = random.seed
        print("owners kept: FPHOST_TEST_SEED=\(seed)")
        let ids = (0..<12).map { _ in UploadID.random(&random) }
        let directory = try TemporaryDirectory()
        let model = ModelCatalog()
        for stay in 0..<8 {
            let countsOwners = random.chance(50) || stay == 7
            let catalog = try await open(directory, countsOwners: countsOwners)
            for step in 0...60 {
                if countsOwners, step % 20 == 0 {
                    for owner in Self.owners {
                        try #require(
                            try await catalog.usage(of: owner) == model.usage(of: owner),
                            "seed \(seed), stay \(stay), step \(step), \(owner)")
                    }
                }
                try await change(random.pick(ids), [catalog, model], &random)
            }
            await catalog.close()
        }
    }

    @Test func `limits of owners are refused where nobody keeps what they have`() async throws {
        let directory = try TemporaryDirectory()
        let catalog = try await open(directory, countsOwners: false)
        let upload = UploadRecord.receiving(owner: "ann")
        try await catalog.insert(upload)
        for limits in [OwnerLimits(bytes: 1000), OwnerLimits(uploads: 1000), OwnerLimits(inProgress: 1000)] {
            #expect(await refusal { try await catalog.insert(.complete(owner: "ann"), within: limits) } == .failed)
            #expect(
                await refusal { try await catalog.advance(upload.id, by: ChunkArrival(0, 3), within: limits) }
                    == .failed)
        }
        #expect(await refusal { try await catalog.usage(of: "ann") } == .failed)
        await catalog.close()
    }
}
