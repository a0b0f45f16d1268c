import FPCatalog
import Support
import Testing

@Suite struct SourceTests {
    private func source(_ most: Int, _ name: String = "192.0.2.1/32") -> UploadSource {
        UploadSource(name: name, inProgress: most)
    }

    private func add(_ upload: UploadRecord, _ source: UploadSource?, to catalog: any Catalog) async -> Refusal? {
        await refusal { try await catalog.insert(upload, within: OwnerLimits(), countedIn: nil, from: source) }
    }

    @Test(arguments: CatalogUnderTest.all)
    func `so many uploads arrive from a source as may, and one more when one is whole or gone`(
        _ withCatalog: CatalogUnderTest
    ) async throws {
        try await withCatalog { catalog in
            let uploads = (0..<2).map { _ in UploadRecord.receiving() }
            for upload in uploads { #expect(await add(upload, source(2), to: catalog) == nil) }
            let refused = UploadRecord.receiving()
            #expect(await add(refused, source(2), to: catalog) == .sourceExcess(2))
            #expect(try await catalog.upload(refused.id) == nil)
            #expect(await add(.receiving(), source(1, "192.0.2.2/32"), to: catalog) == nil)
            #expect(await add(.receiving(), nil, to: catalog) == nil)
            // One that came whole is not arriving.
            #expect(await add(.complete(), source(2), to: catalog) == nil)
            #expect(try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 9) == 2)
            #expect(try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 1) == 1)
            var file = uploads[0].files[0]
            file.size = 3
            #expect(try await catalog.complete(uploads[0].id, file: file, chunk: nil, at: 4))
            #expect(try await catalog.beginDeleting(uploads[1].id, from: [.receiving]) != nil)
            #expect(try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 9) == 0)
            #expect(try await catalog.beginAgain(uploads[0].id, file: file, token: [9], at: 5))
            #expect(try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 9) == 1)
            try await catalog.forget(uploads[0].id)
            try await catalog.forget(uploads[1].id)
            #expect(await add(.receiving(), source(0), to: catalog) == .sourceExcess(0))
            for _ in 0..<2 { #expect(await add(.receiving(), source(2), to: catalog) == nil) }
        }
    }

    @Test(arguments: CatalogUnderTest.databases)
    func `of a hundred that race exactly those get in that may arrive at once`(_ withCatalog: CatalogUnderTest)
        async throws
    {
        try await withCatalog { catalog in
            let refusals = await withTaskGroup(of: Refusal?.self) { group in
                for _ in 0..<100 { group.addTask { await add(.receiving(), source(7), to: catalog) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(refusals.filter { $0 == nil }.count == 7)
            #expect(refusals.filter { $0 == .sourceExcess(7) }.count == 93)
            let arriving = try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 100)
            #expect(arriving == 7)
        }
    }
}
