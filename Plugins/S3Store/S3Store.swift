import FPCurl
import FPPluginKit
import Synchronization

/// Objects in a bucket of S3, or of a service that speaks its protocol.
///
/// A write is one PUT if it fits in a part, and a multipart upload otherwise. A session is a multipart upload from its
/// beginning, with marks below ".fp/" that say how far it is safe.
final class S3Store: PluginStore {
    let settings: Settings
    let client: S3Client
    let budget: MemoryBudget
    let conditions: Monitor<ConditionProbe>
    /// The uploads that a writer of this store works on.
    private let heldUploads = Mutex<Set<String>>([])

    static let version = "1.0.0"

    static let plugin = PluginDescription(
        name: "S3Store",
        version: version,
        vendor: "fphost",
        license: "BSD-3-Clause",
        summary: "Keeps files in a bucket of S3 or of a service that speaks its protocol.",
        threading: .parallel,
        options: Options.declarations
    )

    static func load(_ host: Host, _ call: borrowing Call) throws(PluginError) {
        do throws(CurlFailure) {
            try LibCurl.start()
        } catch {
            throw PluginError(.internalError, "libcurl cannot start: \(error.text)")
        }
    }

    static func facts() -> [(key: String, value: String)] {
        [(key: "libcurl", value: LibCurl.version)]
    }

    static func validate(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        _ = try Settings(config)
    }

    init(_ config: ConfigNode, _ host: Host, _ call: borrowing Call) throws(PluginError) {
        settings = try Settings(config, userAgent: "\(host.name)/\(host.version) S3Store/\(Self.version)")
        client = S3Client(settings, host)
        budget = MemoryBudget(bytes: settings.memory)
        conditions = Monitor(ConditionProbe(settings.conditionalWrites))
    }

    func close() { client.engine.stop() }

    var capabilities: Capabilities {
        var flags: Capabilities.Flags = [
            .resumable, .powerDurable, .readAfterWrite, .shared, .list, .listOrdered, .listPending, .copy, .move,
            .presign, .ifMatch, .contentType, .metadata,
        ]
        if settings.keepsTails { flags.formUnion([.durableTail, .rewind]) }
        if settings.allowsOverwrite { flags.insert(.atomicReplace) }
        if conditions.withLock({ $0.isKept }) { flags.insert(.atomicCreate) }
        var capabilities = Capabilities(flags, threading: .parallel)
        capabilities.maxConcurrency = 32
        capabilities.maxKeyBytes = UInt32(1024 - settings.location.utf8.count)
        capabilities.listPageMax = 1000
        capabilities.maxObjectSize = PartSchedule.largestObject
        capabilities.durableUnit = settings.keepsTails ? 1 : settings.partSize
        capabilities.rewindUnit = PartSchedule.largest(partSize: settings.partSize)
        capabilities.writerMemory = UInt64(MemoryBudget.blockSize)
        capabilities.readSize = 1 << 20
        capabilities.readerMemory = 2 << 20
        capabilities.presignLifeMaxSeconds = settings.urlLifeSeconds
        return capabilities
    }

    func beginWrite(_ request: WriteRequest, _ call: borrowing Call) throws(PluginError) -> BegunWrite {
        let schedule = PartSchedule(size: request.size, partSize: settings.partSize)
        guard (request.size ?? 0) <= PartSchedule.largestObject else {
            throw PluginError(.tooLarge, "\"\(request.key)\": an object of S3 has at most 5 TiB")
        }
        let target = WriteTarget(request, id: .random())
        guard request.isResumable else {
            return BegunWrite(writer: S3Writer(self, target, schedule, session: nil))
        }
        let uploadID = try client.createMultipart(target, checksum: settings.checksum, call)
        let token = SessionToken(
            key: request.key, uploadID: uploadID, id: target.id, schedule: schedule, ifNotExists: request.ifNotExists)
        let bytes = token.bytes
        guard bytes.count <= 2048 else {
            client.sendInBackground(client.abortRequest(token))
            throw PluginError(
                .unsupported, "\"\(request.key)\": the service's upload id is longer than any token can be")
        }
        _ = hold(uploadID)
        return BegunWrite(writer: S3Writer(self, target, schedule, session: token), token: bytes)
    }

    func remove(_ key: Key, _ call: borrowing Call) throws(PluginError) {
        let doing = "removing \"\(key)\""
        let reply = try client.send(S3Request("DELETE", settings.objectKey(key.string)), doing, call)
        if try reply.isGone(doing) { return }
        // Not every service says 204, but neither does everything that stands between.
        guard try published(key, call) == nil else {
            throw reply.lacking("a 204, and the object is there still", doing)
        }
    }

    /// - Returns: false if another writer of this process has the upload.
    func hold(_ uploadID: String) -> Bool { heldUploads.withLock { $0.insert(uploadID).inserted } }

    func release(_ uploadID: String) { heldUploads.withLock { _ = $0.remove(uploadID) } }
}
