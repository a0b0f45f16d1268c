import FPCatalog
import Support
import Testing

@Suite struct OwnerTests {
    @Test(arguments: CatalogUnderTest.all)
    func `an owner has what their uploads have, from the first byte announced to the last one gone`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let open = UploadRecord.receiving(owner: "ann")
            let sized = UploadRecord.receiving(owner: "ann", size: 100)
            let whole = UploadRecord.complete(owner: "ann", names: ["a", "b"])
            for upload in [open, sized, whole, .complete(), .complete(owner: "bob")] {
                try await catalog.insert(upload)
            }
            #expect(try await catalog.usage(of: "ann") == OwnerUsage(uploads: 3, inProgress: 2, bytes: 106))
            _ = try await catalog.advance(open.id, by: ChunkArrival(0, 30))
            _ = try await catalog.advance(sized.id, by: ChunkArrival(0, 30))
            #expect(try await catalog.usage(of: "ann").bytes == 136)
            _ = try await catalog.rewind(open.id, to: 10, at: 3)
            _ = try await catalog.rewind(sized.id, to: 10, at: 3)
            #expect(try await catalog.usage(of: "ann").bytes == 116)
            var file = sized.files[0]
            file.size = 100
            _ = try await catalog.complete(sized.id, file: file, chunk: nil, at: 4)
            #expect(try await catalog.usage(of: "ann") == OwnerUsage(uploads: 3, inProgress: 1, bytes: 116))
            _ = try await catalog.beginAgain(sized.id, file: file, token: [9], at: 5)
            #expect(try await catalog.usage(of: "ann") == OwnerUsage(uploads: 3, inProgress: 2, bytes: 116))
            _ = try await catalog.beginDeleting(sized.id, from: [.receiving])
            #expect(try await catalog.usage(of: "ann") == OwnerUsage(uploads: 3, inProgress: 1, bytes: 116))
            for upload in [sized, whole, open] { try await catalog.forget(upload.id) }
            #expect(try await catalog.usage(of: "ann") == OwnerUsage())
            #expect(try await catalog.usage(of: "bob") == OwnerUsage(uploads: 1, bytes: 3))
        }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `what would go beyond a limit is refused with the limit, and changes nothing`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let first = UploadRecord.receiving(owner: "ann")
            let limits = OwnerLimits(bytes: 50, uploads: 3, inProgress: 1)
            try await catalog.insert(first, within: limits)
            #expect(
                await refusal { try await catalog.insert(.receiving(owner: "ann"), within: limits) }
                    == .ownerExcess(.inProgress(most: 1)))
            try await catalog.insert(.complete(owner: "ann"), within: limits)
            #expect(try await catalog.advance(first.id, by: ChunkArrival(0, 47), within: limits))
            #expect(
                await refusal { try await catalog.advance(first.id, by: ChunkArrival(47, 1), within: limits) }
                    == .ownerExcess(.bytes(most: 50)))
            #expect(try await catalog.upload(first.id)?.session?.received == 47)
            #expect(
                await refusal { try await catalog.insert(.complete(owner: "ann"), within: limits) }
                    == .ownerExcess(.bytes(most: 50)))
            try await catalog.insert(.complete(owner: "bob"), within: limits)
            try await catalog.insert(.complete(), within: OwnerLimits(bytes: 0, uploads: 0, inProgress: 0))
            #expect(try await catalog.usage(of: "ann") == OwnerUsage(uploads: 2, inProgress: 1, bytes: 50))
        }
    }

    @Test(arguments: CatalogUnderTest.databases)
    func `of a hundred that race for the last bytes exactly those get in that fit`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let limits = OwnerLimits(bytes: 1000)
            let outcomes = await withTaskGroup(of: Refusal?.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        await refusal { try await catalog.insert(.receiving(owner: "ann", size: 30), within: limits) }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.filter { $0 == nil }.count == 33)
            #expect(outcomes.filter { $0 == .ownerExcess(.bytes(most: 1000)) }.count == 67)
            let usage = try await catalog.usage(of: "ann")
            #expect(usage == OwnerUsage(uploads: 33, inProgress: 33, bytes: 990))
        }
    }
}
