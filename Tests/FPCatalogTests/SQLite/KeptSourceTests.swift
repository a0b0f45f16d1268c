import Support
import Testing

@testable import FPCatalog

@Suite struct KeptSourceTests {
    private func add(_ upload: UploadRecord, to catalog: any Catalog) async -> Refusal? {
        let source = UploadSource(name: "192.0.2.1/32", inProgress: 3)
        return await refusal {
            try await catalog.insert(upload, within: OwnerLimits(), countedIn: nil, from: source)
        }
    }

    @Test func `a source is known after a restart, and forgotten with the upload or once it is stored`() async throws {
        let directory = try TemporaryDirectory()
        var catalog = try await directory.openCatalog()
        let uploads = (0..<3).map { _ in UploadRecord.receiving() }
        for upload in uploads { #expect(await add(upload, to: catalog) == nil) }
        await catalog.close()
        catalog = try await directory.openCatalog()
        #expect(try await catalog.inProgress(from: "192.0.2.1/32", countingTo: 9) == 3)
        #expect(await add(.receiving(), to: catalog) == .sourceExcess(3))
        #expect(try await catalog.complete(uploads[0].id, file: uploads[0].files[0], chunk: nil, at: 4))
        #expect(
            try await catalog.beginStoring(uploads[0].id, destinations: [Destination(store: "media", key: "a")]))
        #expect(try await catalog.finishStoring(uploads[0].id, etags: [nil], at: 5))
        try await catalog.forget(uploads[1].id)
        await catalog.close()
        let kept = try Connection(directory.catalogPath, readOnly: true)
        defer { kept.close() }
        #expect(try kept.first("SELECT count(*) FROM uploads WHERE source IS NOT NULL") { $0[0] as Int } == 1)
    }
}
