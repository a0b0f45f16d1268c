import FPCatalog
import Glibc
import Logging
import Support
import Testing

@Suite struct CatalogsTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `a catalog is opened, looked at and named by its URL`() async throws {
        let directory = try TemporaryDirectory()
        let url = "sqlite:" + directory.catalogPath
        #expect(Catalogs.objection(to: url) == nil && Catalogs.user(of: url) == nil)
        let upload = UploadRecord.complete()
        let catalog = try await Catalogs.open(url: url, durability: .process, logger: logger)
        try await catalog.insert(upload)
        #expect(Catalogs.user(of: url) == getpid())
        #expect(Catalogs.file(of: url) == directory.catalogPath)
        await catalog.close()
        let again = try await directory.openCatalog()
        #expect(try await again.upload(upload.id) == upload)
        await again.close()
    }

    @Test(arguments: [
        "", "sqlite", "/var/lib/x.db", "postgresql://u:hunter2@h/db", "SQLITE:x", "sqlite://h/x", "sqlite::memory:",
    ])
    func `a URL of no catalog is refused with what can be written, and not shown`(_ url: String) async throws {
        let objection = try #require(Catalogs.objection(to: url))
        #expect(objection.contains("write sqlite:PATH") && !objection.contains("hunter2"))
        #expect(Catalogs.user(of: url) == nil && Catalogs.file(of: url) == nil)
        let refused = await refusal { try await Catalogs.open(url: url, durability: .process, logger: logger) }
        #expect(refused == .failed)
    }

    @Test func `what opening would be refused for is found without it`() throws {
        let directory = try TemporaryDirectory()
        let objection = Catalogs.objection(to: "sqlite:" + directory.url.path)
        #expect(objection?.contains("not a regular file") == true)
    }
}
