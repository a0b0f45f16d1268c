import FPCatalog
import FPStorage
import Logging
import NIOCore
import Support
import Synchronization
import Testing

@testable import FPUploads

/// Uploads on a real catalog and on stores in memory that fail as they are told.
final class MemoryHouse {
    let directory: TemporaryDirectory
    let uploads: Uploads
    let catalog: any Catalog
    let staging: Store
    let media: Store
    /// What staging is told.
    let control = PluginControl()
    /// What media is told.
    let mediaControl = PluginControl()
    let log = LogLines()

    /// - Parameter media: what media cannot do of all that the plugin offers.
    init(settings: UploadSettings = UploadSettings(), withoutInMedia missing: StoreCapabilities = []) async throws {
        directory = try TemporaryDirectory()
        let log = log
        let logger = Logger(label: "test") { _ in LineHandler(lines: log) }
        let path = try await TestPlugins.compile("memory", name: "Memory")
        let library = try PluginLibrary.load(
            path: path, expectedName: "Memory", host: PluginHostInfo(version: "test"), logger: logger)
        func store(_ name: String, _ control: PluginControl, without missing: StoreCapabilities) throws -> Store {
            var options = [PluginConfigNode.integer(Int64(control.address), key: "control")]
            if !missing.isEmpty {
                let all: StoreCapabilities = [
                    .resumable, .durableTail, .atomicReplace, .atomicCreate, .readAfterWrite, .list, .listPending,
                    .copy,
                    .move, .ifMatch, .presign, .rewind,
                ]
                options.append(.integer(Int64(all.subtracting(missing).rawValue), key: "caps"))
            }
            return try Store.open(
                name: name, library: library, config: .map(options), settings: StoreSettings(), logger: logger)
        }
        staging = try store("staging", control, without: [])
        media = try store("media", mediaControl, without: missing)
        catalog = try await Catalogs.open(
            url: "sqlite:" + directory.url.appendingPathComponent("catalog.db").path, durability: .process,
            logger: logger)
        uploads = Uploads(
            catalog: catalog, stores: try StoreMap([staging, media], staging: "staging", default: "media"),
            settings: settings, logger: logger)
    }

    func close() async {
        await uploads.shutdown()
        await catalog.close()
        await staging.shutdown()
        await media.shutdown()
    }

    func receive(_ content: [UInt8]) async throws -> Upload {
        let reception = uploads.beginReception()
        try await reception.beginFile(name: "file.bin", declaredType: nil)
        for piece in content.pieces(of: 100_000) { try await reception.write([ByteBuffer(bytes: piece)]) }
        try await reception.endFile()
        return try await reception.finish(metadata: nil)
    }

    func bytes(of id: UploadID) async throws -> [UInt8] {
        let reader = try await uploads.open(id, for: .bytes(offset: 0, length: nil)).read()
        defer { reader.close() }
        var bytes: [UInt8] = []
        while let buffer = try await reader.next() { bytes.append(contentsOf: buffer.readableBytesView) }
        return bytes
    }
}

/// Log lines of a test.
final class LogLines: Sendable {
    private let lines = Mutex<[(level: Logger.Level, text: String)]>([])

    func add(_ level: Logger.Level, _ text: String) {
        lines.withLock { $0.append((level, text)) }
    }

    /// How many lines of that level or above contain a text.
    func count(of text: String, atLeast level: Logger.Level = .warning) -> Int {
        lines.withLock { lines in lines.filter { $0.level >= level && $0.text.contains(text) }.count }
    }
}

private struct LineHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        lines.add(event.level, "\(event.message)")
    }
}
