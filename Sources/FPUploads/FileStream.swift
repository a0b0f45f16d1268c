import FPCatalog
import FPStorage

/// Carries the bytes of a file from one store to another through this host. After a failure that passes it goes on where
/// the destination's session stands, and never sends the whole file again.
struct FileStream {
    /// How many bytes are at most to be sent twice to a store that keeps what it was asked to keep.
    static let leastSync: UInt64 = 64 << 20

    let file: FileRecord
    let source: Store
    let target: Store
    let key: String
    let isPowerDurable: Bool
    /// Whether what is at the key gives way.
    var replaces = false
    var syncEvery = FileStream.leastSync
    /// Writes the session down before the first byte.
    let record: ([UInt8]) async throws(StoreError) -> Void

    private struct Ends {
        var reader: StoreReader?
        /// Of what was read, and up to where that was.
        let digest = RunningDigest(behind: nil)
        var position: UInt64 = 0
        var writer: StoreWriter?
        var token: [UInt8]?

        mutating func close() async {
            reader?.close()
            reader = nil
            await writer?.close()
            writer = nil
        }
    }

    func run() async throws(StoreError) -> ObjectInfo {
        let reader = try await source.read(file.key)
        let original = reader.info
        var ends = Ends(reader: reader)
        var retries = target.retries()
        var furthest: UInt64 = 0
        while true {
            do throws(StoreError) {
                try file.check(original, in: source)
                let info = try await carry(original, &ends)
                await ends.close()
                return info
            } catch {
                let reached = ends.writer?.offset ?? 0
                if reached > furthest {
                    furthest = reached
                    retries = target.retries()
                }
                guard ends.token != nil, let pause = retries.pause(after: error) else {
                    if !error.outcomeUnknown { try? await ends.writer?.abort() }
                    await ends.close()
                    throw error
                }
                await ends.close()
                do {
                    try await Task.sleep(for: pause)
                } catch {
                    throw StoreError(
                        .cancelled, store: target.name, operation: "store", message: "cancelled between two tries")
                }
            }
        }
    }

    private func carry(_ original: ObjectInfo, _ ends: inout Ends) async throws(StoreError) -> ObjectInfo {
        guard let writer = try await writer(original, &ends) else {
            // The commit had succeeded; its answer was lost.
            let info = try await target.stat(key)
            try file.check(info, in: target)
            return info
        }
        if ends.reader == nil, original.size > 0 {
            // Where there is something to compare them with, the bytes that were written before are read once more.
            ends.position = file.digests.crc64 == nil ? writer.offset : 0
            ends.digest.restart()
            if ends.position < original.size { ends.reader = try await reopened(original, at: ends.position) }
        }
        var synced = writer.offset
        while ends.position < original.size, var buffer = try await ends.reader?.next() {
            buffer.withUnsafeReadableBytes { ends.digest.update($0) }
            let known = min(writer.offset - min(writer.offset, ends.position), UInt64(buffer.readableBytes))
            ends.position += UInt64(buffer.readableBytes)
            buffer.moveReaderIndex(forwardBy: Int(known))
            guard buffer.readableBytes > 0 else { continue }
            try await writer.write([buffer])
            // A store that keeps whole parts has made them durable without a sync.
            guard ends.token != nil, target.limits.durableUnit == 1, writer.offset - synced >= syncEvery else {
                continue
            }
            try await writer.sync(power: false)
            synced = writer.offset
        }
        try check(ends)
        return try await writer.commit(size: original.size, power: isPowerDurable)
    }

    /// Refuses bytes that are not those that arrived, before anybody can see them.
    private func check(_ ends: Ends) throws(StoreError) {
        guard let crc64 = file.digests.crc64, ends.digest.fingerprint != crc64 else { return }
        throw StoreError(
            .corrupt, store: source.name, operation: "read",
            message:
                "\(file.key) has other bytes than arrived; it was changed behind the host's back, or its disk is failing"
        )
    }

    /// The writer that is open, or a new one, or that of the session begun before; `nil` if that is committed.
    private func writer(_ original: ObjectInfo, _ ends: inout Ends) async throws(StoreError) -> StoreWriter? {
        if let token = ends.token {
            switch try await target.resumeWrite(token: token, expectedSize: original.size) {
            case .open(let writer):
                ends.writer = writer
                return writer
            case .committed: return nil
            }
        }
        let isResumable = target.capabilities.contains(.resumable)
        let writer = try await target.beginWrite(
            WriteRequest(
                key: key, size: original.size, resumable: isResumable, ifNotExists: !replaces,
                contentType: file.contentType)
        )
        ends.writer = writer
        if isResumable {
            try await record(writer.token)
            ends.token = writer.token
        }
        return writer
    }

    private func reopened(_ original: ObjectInfo, at offset: UInt64) async throws(StoreError) -> StoreReader {
        let match = source.capabilities.contains(.ifMatch) ? original.etag : nil
        let reader = try await source.read(file.key, offset: offset, ifMatch: match)
        guard reader.info.size == original.size, reader.info.etag == original.etag else {
            reader.close()
            throw StoreError(
                .precondition, store: source.name, operation: "store",
                message: "\(file.key) was replaced while it was copied")
        }
        return reader
    }
}

extension FileRecord {
    /// Refuses an object that has another size than the file that arrived: it is not that file, whatever it is.
    func check(_ info: ObjectInfo, in store: Store) throws(StoreError) {
        guard let size, info.size != size else { return }
        throw StoreError(
            .corrupt, store: store.name, operation: "read",
            message: "\(key) has \(info.size) bytes, where \(size) had arrived; it was changed behind the host's back")
    }
}
