import FPAccess
import FPCatalog
import FPFetch
import FPFormats
import FPServer
import FPStorage
import FPUploads
import Foundation
import Logging
import Support
import Testing

/// A server on a free port, over real uploads on a real catalog and real LocalStores in a directory of their own. Stores
/// that a test wants to see fail are on the Memory plugin instead.
final class ServerHouse: Sendable {
    static let token = "token-of-the-application"

    let directory: TemporaryDirectory
    let client: HTTPClient
    let uploads: Uploads
    private let server: UploadServer
    private let catalog: SQLiteCatalog
    private let stores: [Store]
    private let fetcher: Fetcher?

    /// - Parameters:
    ///   - sick: the stores on the Memory plugin, each with the means to make it fail.
    ///   - disk: the directory of the catalog, if it is to be elsewhere.
    init(
        _ change: (inout UploadSettings, inout ServerSettings) throws -> Void = { _, _ in }, fetches: Bool = false,
        fetch changeFetch: (inout FetchLimits, inout FetchRules) throws -> Void = { _, _ in },
        sick: [String: PluginControl] = [:], patience: Duration = .milliseconds(500), catalogIn disk: String? = nil
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        directory = try TemporaryDirectory()
        let path = HostProcess.products.appendingPathComponent("libLocalStore.so").path
        let library = try PluginLibrary.load(
            path: path, expectedName: "LocalStore", host: PluginHostInfo(version: "test"), logger: logger)
        let memory = sick.isEmpty ? nil : try await Self.memoryLibrary(logger)
        stores = try ["staging", "media", "archive"].map { [directory] name in
            if let memory, let control = sick[name] {
                let config = PluginConfigNode.map([.integer(Int64(control.address), key: "control")])
                return try Store.open(
                    name: name, library: memory, config: config, settings: Self.settings(patience), logger: logger)
            }
            let location = directory.url.appendingPathComponent(name).path
            return try Store.open(
                name: name, library: library, config: .map([.scalar(location, key: "location")]),
                settings: StoreSettings(), logger: logger)
        }
        catalog = try await SQLiteCatalog.open(
            path: (disk ?? directory.url.path) + "/catalog.db", durability: .process, logger: logger)
        var uploadSettings = UploadSettings()
        var settings = ServerSettings(
            http: .init(addresses: [.tcp(host: "127.0.0.1", port: 0)]), basePath: try BasePath("/fp"))
        settings.tokens = BearerTokens(["another-token-of-the-application", Self.token])
        try change(&uploadSettings, &settings)
        uploads = Uploads(
            catalog: catalog, stores: try StoreMap(stores, staging: "staging", default: "media"),
            settings: uploadSettings, logger: logger)
        var (limits, rules) = (FetchLimits(), FetchRules())
        rules.allow = HostList([try HostRule.parse("127.0.0.1").get()])
        try changeFetch(&limits, &rules)
        fetcher = fetches ? try Fetcher(limits: limits, rules: rules, version: "test", logger: logger) : nil
        server = UploadServer(settings, uploads: uploads, fetcher: fetcher, logger: logger)
        client = HTTPClient(port: try #require(try await server.start().first?.port))
    }

    /// Soon at the end of every patience, unless a test needs time for something else, so that a test is too.
    private static func settings(_ patience: Duration) -> StoreSettings {
        StoreSettings(threads: 4, deadline: patience, longDeadline: patience, hangGrace: .milliseconds(100))
    }

    private static func memoryLibrary(_ logger: Logger) async throws -> PluginLibrary {
        let path = try await TestPlugins.compile("memory", name: "Memory")
        return try PluginLibrary.load(
            path: path, expectedName: "Memory", host: PluginHostInfo(version: "test"), logger: logger)
    }

    /// Runs `body` on a server of its own.
    static func with(
        _ change: (inout UploadSettings, inout ServerSettings) throws -> Void = { _, _ in }, fetches: Bool = false,
        fetch changeFetch: (inout FetchLimits, inout FetchRules) throws -> Void = { _, _ in },
        sick: [String: PluginControl] = [:], patience: Duration = .milliseconds(500), catalogIn disk: String? = nil,
        _ body: (ServerHouse) async throws -> Void
    ) async throws {
        let house = try await ServerHouse(
            change, fetches: fetches, fetch: changeFetch, sick: sick, patience: patience, catalogIn: disk)
        do {
            try await body(house)
        } catch {
            await house.close()
            throw error
        }
        await house.close()
    }

    func close() async {
        await server.shutdown(grace: .seconds(5))
        await fetcher?.shutdown()
        await uploads.shutdown()
        await catalog.close()
        for store in stores { await store.shutdown() }
    }

    // MARK: - What clients do

    @discardableResult
    func send(_ method: String, _ target: String, _ headers: [(String, String)] = [], _ body: [UInt8] = []) async throws
        -> HTTPReply
    {
        try await client.send(method, target, headers: headers, body: body)
    }

    /// A request with the application's token.
    @discardableResult
    func call(_ method: String, _ target: String, json: String? = nil) async throws -> HTTPReply {
        var headers = [("Authorization", "Bearer \(Self.token)")]
        if json != nil { headers.append(("Content-Type", "application/json")) }
        return try await send(method, target, headers, Array((json ?? "").utf8))
    }

    /// Uploads whole files in one form; the first one is the main file.
    func upload(_ files: [(name: String, content: [UInt8])], metadata: String = "{}") async throws -> String {
        var form = Form()
        form.add("filepond", metadata)
        for file in files { form.add("filepond", file: file.name, file.content) }
        return try await id(of: send("POST", "/fp/process/", form.headers, form.body))
    }

    func upload(_ name: String = "hello.txt", _ content: String = "Hello, FilePond!") async throws -> String {
        try await upload([(name, Array(content.utf8))])
    }

    /// Announces a file that comes in chunks.
    func announce(_ length: Int, metadata: String = "{}") async throws -> String {
        var form = Form()
        form.add("filepond", metadata)
        let headers = form.headers + [("Upload-Length", "\(length)")]
        return try await id(of: send("POST", "/fp/process/", headers, form.body))
    }

    @discardableResult
    func patch(_ id: String, _ offset: Int, of length: Int, _ content: String, name: String = "chunked.txt")
        async throws -> HTTPReply
    {
        try await send(
            "PATCH", "/fp/patch/\(id)", Self.chunkHeaders(offset, of: length, name: name), Array(content.utf8))
    }

    static func chunkHeaders(_ offset: Int, of length: Int, name: String = "chunked.txt") -> [(String, String)] {
        [
            ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(offset)"),
            ("Upload-Length", "\(length)"), ("Upload-Name", name),
        ]
    }

    func store(_ id: String, _ path: String) async throws {
        let reply = try await call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"\(path)\"}")
        try #require(reply.status == 200, "\(reply.text)")
    }

    private func id(of reply: HTTPReply) throws -> String {
        try #require(reply.status == 200 && UploadID(reply.text) != nil, "\(reply.status) \(reply.text)")
        return reply.text
    }

    /// Makes the catalog's files such that no reader understands them.
    func damageCatalog() throws {
        let log = directory.url.appendingPathComponent("catalog.db-wal")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: log.path)[.size] as? Int)
        let file = try FileHandle(forWritingTo: log)
        try file.seek(toOffset: 32)
        try file.write(contentsOf: Data(repeating: 0xFF, count: size - 32))
        try file.close()
    }

    /// The keys of all objects in a store.
    func keys(in name: String) async throws -> Set<String> {
        let store = try #require(stores.first { $0.name == name })
        var keys: Set<String> = []
        var cursor: [UInt8]?
        repeat {
            let page = try await store.list(cursor: cursor)
            keys.formUnion(page.entries.map(\.key))
            cursor = page.cursor
        } while cursor != nil
        return keys
    }

    /// Everything on disk that holds bytes of uploads, finished or not; the stores' own bookkeeping is left out.
    func filesOnDisk() -> [String] {
        ["staging", "media", "archive"].flatMap { directory.files(below: $0) }
    }
}

/// A multipart form as a browser writes it.
struct Form {
    let boundary: String
    private var parts: [UInt8] = []

    init(boundary: String = "----WebKitFormBoundaryE19zNvXGzXaLvS5C") {
        self.boundary = boundary
    }

    var headers: [(String, String)] { [("Content-Type", "multipart/form-data; boundary=\(boundary)")] }
    var body: [UInt8] { parts + Array("--\(boundary)--\r\n".utf8) }
    /// A form whose connection was cut.
    var openBody: [UInt8] { parts }

    /// - Parameter fields: more of the part's header.
    mutating func add(_ field: String, _ text: String, fields: [(String, String)] = []) {
        parts += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"\r\n".utf8)
        parts += Self.lines(fields) + Array("\r\n\(text)\r\n".utf8)
    }

    private static func lines(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { Array("\($0): \($1)\r\n".utf8) }
    }

    mutating func add(
        _ field: String, file name: String, _ content: [UInt8], type: String? = nil, fields: [(String, String)] = []
    ) {
        let name = name.replacingOccurrences(of: "\"", with: "%22")
        parts += Array(
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(field)\"; filename=\"\(name)\"\r\n".utf8)
        parts += Array("Content-Type: \(type ?? "application/octet-stream")\r\n".utf8) + Self.lines(fields)
        parts += Array("\r\n".utf8) + content + Array("\r\n".utf8)
    }
}
