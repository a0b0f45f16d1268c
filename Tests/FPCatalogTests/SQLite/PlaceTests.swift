import Foundation
import Support
import Testing

@testable import FPCatalog

@Suite struct PlaceTests {
    @Test func `a catalog whose file is not at its path takes no changes, says so, and goes on once it is back`()
        async throws
    {
        let directory = try TemporaryDirectory()
        let catalog = try await directory.openCatalog()
        let before = UploadRecord.complete()
        try await catalog.insert(before)
        #expect(try await catalog.upload(before.id) == before)
        let away = directory.url.path + "/away.db"
        try FileManager.default.moveItem(atPath: directory.catalogPath, toPath: away)
        try await waitFor("a refusal", within: .seconds(20)) {
            await refusal { try await catalog.insert(.complete()) } == .unavailable ? true : nil
        }
        let trouble = try #require(await catalog.trouble())
        #expect(trouble.kind == .failing && trouble.reason.contains("not at its path any more"))
        #expect(await catalog.trouble()?.since == trouble.since, "it is still the same trouble")
        #expect(try await catalog.upload(before.id) == before)
        try FileManager.default.moveItem(atPath: away, toPath: directory.catalogPath)
        let after = UploadRecord.complete()
        try await catalog.insert(after)
        #expect(await catalog.trouble() == nil)
        await catalog.close()
        let again = try await directory.openCatalog()
        for upload in [before, after] { #expect(try await again.upload(upload.id) == upload) }
        await again.close()
    }
}
