import FPCatalog
import FPStorage
import Foundation
import Logging
import NIOCore
import Support
import Synchronization
import Testing

@testable import FPUploads

/// Uploads on a real catalog and real LocalStores in a directory of their own; may be closed and opened again, as a
/// restart of the host does.
final class House {
    let directory: TemporaryDirectory
    private(set) var uploads: Uploads
    private(set) var catalog: any Catalog
    private(set) var stores: [Store]
    private let settings: UploadSettings
    private let elsewhere: TemporaryDirectory?
    private let neighbour: TemporaryDirectory?
    private let overwrites: Bool

    /// - Parameters:
    ///   - elsewhere: where the store `far` is, which cannot be reached by renaming.
    ///   - neighbour: the directory of a house whose staging this one uses too.
    ///   - overwrites: whether files may be replaced in the stores.
    init(
        settings: UploadSettings = UploadSettings(), elsewhere: TemporaryDirectory? = nil,
        neighbour: TemporaryDirectory? = nil, overwrites: Bool = false
    ) async throws {
        directory = try TemporaryDirectory()
        self.settings = settings
        self.elsewhere = elsewhere
        self.neighbour = neighbour
        self.overwrites = overwrites
        (uploads, catalog, stores) = try await Self.open(
            directory.url, settings, elsewhere, neighbour, overwrites: overwrites)
    }

    var staging: Store { stores[0] }
    var media: Store { stores[1] }

    func close() async {
        await uploads.shutdown()
        await catalog.close()
        for store in stores { await store.shutdown() }
    }

    func restart() async throws {
        await close()
        (uploads, catalog, stores) = try await Self.open(
            directory.url, settings, elsewhere, neighbour, overwrites: overwrites)
        await uploads.recover()
    }

    /// What a house consists of, in a directory that may have been another's.
    static func open(
        _ directory: URL, _ settings: UploadSettings = UploadSettings(), _ elsewhere: TemporaryDirectory? = nil,
        _ neighbour: TemporaryDirectory? = nil, overwrites: Bool = false
    ) async throws -> (Uploads, any Catalog, [Store]) {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let path = HostProcess.products.appendingPathComponent("libLocalStore.so").path
        let library = try PluginLibrary.load(
            path: path, expectedName: "LocalStore", host: PluginHostInfo(version: "test"), logger: logger)
        func store(_ name: String, at location: String) throws -> Store {
            let config = PluginConfigNode.map([
                .scalar(location, key: "location"), .integer(overwrites ? 1 : 0, key: "allow_overwrite"),
            ])
            return try Store.open(
                name: name, library: library, config: config, settings: StoreSettings(), logger: logger)
        }
        var stores = [
            try store("staging", at: (neighbour?.url ?? directory).appendingPathComponent("staging").path),
            try store("media", at: directory.appendingPathComponent("media").path),
        ]
        if let elsewhere { stores.append(try store("far", at: elsewhere.url.path)) }
        let catalog = try await Catalogs.open(
            url: "sqlite:" + directory.appendingPathComponent("catalog.db").path, durability: .process, logger: logger)
        let map = try StoreMap(stores, staging: "staging", default: "media")
        return (Uploads(catalog: catalog, stores: map, settings: settings, logger: logger), catalog, stores)
    }

    /// Sweeps until something is so.
    func sweep(until description: String, _ condition: () async throws -> Bool) async throws {
        _ = try await waitFor(description, within: .seconds(10)) {
            await Sweeper(uploads).sweep()
            return try await condition() ? true : nil
        }
    }

    /// Removes everything from staging, as somebody who cleans up would.
    func cleanStaging() throws {
        let staging = directory.url.appendingPathComponent("staging")
        for name in try FileManager.default.contentsOfDirectory(atPath: staging.path) where name != CatalogMark.key {
            try FileManager.default.removeItem(at: staging.appendingPathComponent(name))
        }
    }

    // MARK: - What clients do

    func receive(_ content: [UInt8], name: String = "file.bin") async throws -> Upload {
        let reception = uploads.beginReception()
        try await reception.beginFile(name: name, declaredType: nil)
        for piece in content.pieces(of: 100_000) { try await reception.write([ByteBuffer(bytes: piece)]) }
        try await reception.endFile()
        return try await reception.finish(metadata: nil)
    }

    @discardableResult
    func append(_ upload: UploadID, _ content: [UInt8], _ range: Range<Int>, body: TestBody? = nil) async throws
        -> Upload
    {
        let chunk = Chunk(
            offset: UInt64(range.lowerBound), bodyLength: UInt64(range.count), uploadLength: UInt64(content.count),
            name: "file.bin")
        return try await uploads.append(upload, chunk, body: body ?? TestBody(Array(content[range])))
    }

    /// Sends a chunk as a dialect does that keeps every safe byte.
    /// - Parameter total: the length of the file, if the chunk tells.
    @discardableResult
    func appendInOrder(
        _ upload: UploadID, at offset: Int, _ bytes: [UInt8], tellsLength: Bool = true, total: Int? = nil,
        isLast: Bool? = nil, body: TestBody? = nil
    ) async throws -> Upload {
        let chunk = Chunk(
            offset: UInt64(offset), bodyLength: tellsLength ? UInt64(bytes.count) : nil,
            uploadLength: total.map { UInt64($0) }, name: nil, keeping: .everySafeByte, isLast: isLast)
        return try await uploads.append(upload, chunk, body: body ?? TestBody(bytes))
    }

    func bytes(_ content: Content, offset: UInt64 = 0, length: UInt64? = nil) async throws -> [UInt8] {
        let reader = try await content.read(offset: offset, length: length)
        defer { reader.close() }
        var bytes: [UInt8] = []
        while let buffer = try await reader.next() { bytes.append(contentsOf: buffer.readableBytesView) }
        return bytes
    }

    func bytes(of id: UploadID) async throws -> [UInt8] {
        try await bytes(uploads.open(id))
    }

    /// Everything on disk that holds bytes of uploads, finished or not.
    func filesOnDisk() -> [String] {
        directory.files(below: "staging") + directory.files(below: "media")
    }
}

/// A body that a test feeds.
final class TestBody: ByteSource {
    fileprivate struct State {
        var pieces: [[ByteBuffer]] = []
        var end: ByteSourceError?
        var isWhole = false
        var waiter: CheckedContinuation<Void, Never>?
        var isAsked = false
    }

    fileprivate let state = Mutex(State())

    /// A body that is there already.
    init(_ bytes: [UInt8], piece: Int = 65_536) {
        feed(bytes, piece: piece)
        finish()
    }

    /// A body whose bytes come later.
    init() {}

    func feed(_ bytes: [UInt8], piece: Int = 65_536) {
        change { state in
            for piece in bytes.pieces(of: piece) { state.pieces.append([ByteBuffer(bytes: piece)]) }
        }
    }

    func finish() { change { $0.isWhole = true } }
    func fail(_ error: ByteSourceError) { change { $0.end = error } }
    func stop() { change { $0.end = .stopped } }

    /// Whether somebody has begun to read.
    var isAsked: Bool { state.withLock { $0.isAsked } }
    /// Whether all that was fed was taken, and more is waited for.
    var isEmpty: Bool { state.withLock { $0.pieces.isEmpty && $0.waiter != nil } }

    private func change(_ body: (inout State) -> Void) {
        let waiter = state.withLock { state in
            body(&state)
            let waiter = state.waiter
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    func next() async throws(ByteSourceError) -> [ByteBuffer]? {
        while true {
            let answer: Result<[ByteBuffer]?, ByteSourceError>? = state.withLock { state in
                state.isAsked = true
                if case .stopped = state.end { return .failure(.stopped) }
                if !state.pieces.isEmpty { return .success(state.pieces.removeFirst()) }
                if let end = state.end { return .failure(end) }
                return state.isWhole ? .success(nil) : nil
            }
            if let answer { return try answer.get() }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    let isReady = !state.pieces.isEmpty || state.end != nil || state.isWhole
                    if !isReady { state.waiter = continuation }
                    return isReady
                }
                if isReady { continuation.resume() }
            }
        }
    }
}

extension TestBody {
    func nextWithoutWaiting() -> [ByteBuffer]? {
        state.withLock { state in
            if case .stopped = state.end { return nil }
            if !state.pieces.isEmpty { return state.pieces.removeFirst() }
            return state.isWhole && state.end == nil ? [] : nil
        }
    }
}

extension Array where Element == UInt8 {
    func pieces(of size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}

/// The kind of failure that a call ends with; `nil` if it does not fail.
func failure(_ call: () async throws -> Void) async -> UploadError.Kind? {
    do {
        try await call()
        return nil
    } catch let error as UploadError {
        return error.kind
    } catch {
        Issue.record("not an UploadError: \(error)")
        return nil
    }
}
