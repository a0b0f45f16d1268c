import FPCatalog
import FPStorage
import Synchronization

/// Writers of receiving uploads between two chunks, kept open because resuming costs a remote store several round
/// trips. Whoever works on an upload takes its writer out and puts it back.
///
/// Beside each is its upload's record, so that the next chunk need not read it from the catalog. Only this host changes
/// the catalog, and whoever changes a receiving upload takes its writer out first or puts the changed record here;
/// what the chunk itself changes still depends on the state that the catalog has.
final class OpenWriters: Sendable {
    /// The most writers kept; beyond that the one idle longest is closed.
    private let capacity: Int
    /// How long a writer may be idle.
    static let idleTime: Duration = .seconds(60)

    private struct Idle {
        let writer: StoreWriter
        var record: UploadRecord
        let beginning: [UInt8]?
        let since: ContinuousClock.Instant
    }

    private let idle = Mutex<[UploadID: Idle]>([:])

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Takes the upload's writer out; whoever has it closes it or puts it back.
    func take(_ id: UploadID) -> StoreWriter? {
        idle.withLock { $0.removeValue(forKey: id)?.writer }
    }

    /// Whether the upload's writer is here.
    func has(_ id: UploadID) -> Bool {
        idle.withLock { $0[id] != nil }
    }

    /// The record of a receiving upload whose writer is here.
    func record(_ id: UploadID) -> UploadRecord? {
        idle.withLock { $0[id]?.record }
    }

    /// All bytes that the upload has, if its writer is here and they are too few to tell the file's type by.
    func beginning(_ id: UploadID) -> [UInt8]? {
        idle.withLock { $0[id]?.beginning }
    }

    /// Somebody asked about the upload.
    func touch(_ id: UploadID, at now: Timestamp) {
        idle.withLock { $0[id]?.record.touchedAt = now }
    }

    /// Keeps the upload's writer, with the record as the catalog has it.
    /// - Parameter beginning: all bytes that the upload has, if they are too few to tell the file's type by.
    func put(_ writer: StoreWriter, for record: UploadRecord, beginning: [UInt8]? = nil) async {
        let surplus: [StoreWriter] = idle.withLock { idle in
            let entry = Idle(writer: writer, record: record, beginning: beginning, since: .now)
            let previous = idle.updateValue(entry, forKey: record.id)
            guard idle.count > capacity, let oldest = idle.min(by: { $0.value.since < $1.value.since }) else {
                return previous.map { [$0.writer] } ?? []
            }
            idle[oldest.key] = nil
            return [oldest.value.writer] + (previous.map { [$0.writer] } ?? [])
        }
        for writer in surplus { await writer.close() }
    }

    /// Closes the writers that have been idle for long.
    func closeIdle() async {
        await close { $0.since.duration(to: .now) > Self.idleTime }
    }

    /// Closes all writers.
    func closeAll() async {
        await close { _ in true }
    }

    private func close(where condition: (Idle) -> Bool) async {
        let closing = idle.withLock { idle in
            let closing = idle.filter { condition($0.value) }
            for id in closing.keys { idle[id] = nil }
            return closing
        }
        for entry in closing.values { await entry.writer.close() }
    }
}
