import FPCatalog
import FPStorage
import Synchronization

/// Writers of receiving uploads between two chunks, kept open because resuming costs a remote store several round
/// trips. Whoever works on an upload takes its writer out and puts it back.
final class OpenWriters: Sendable {
    /// The most writers kept; beyond that the one idle longest is closed.
    private let capacity: Int
    /// How long a writer may be idle.
    static let idleTime: Duration = .seconds(60)

    private struct Idle {
        let writer: StoreWriter
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

    func put(_ writer: StoreWriter, for id: UploadID) async {
        let surplus: [StoreWriter] = idle.withLock { idle in
            let previous = idle.updateValue(Idle(writer: writer, since: .now), forKey: id)
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
