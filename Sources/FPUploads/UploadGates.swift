import FPCatalog
import Synchronization

/// Lets one request at a time work on an upload, and lets a newcomer ask the one at work to stop.
///
/// A client whose connection died comes back long before the server notices the death. So a newcomer does not wait
/// for the holder to time out: the holder's body is stopped, what it had received is saved, and the newcomer goes on. The
/// one exception is, in a dialect of ``ChunkKeeping/whole``, the chunk that follows directly on the one being received:
/// it waits, unread, for its turn. Where every safe byte is kept, such a newcomer has seen the holder's connection end.
final class UploadGates: Sendable {
    /// How long a newcomer waits for the holder to leave.
    static let patience: Duration = .seconds(30)

    /// A request that works on an upload, or waits to.
    final class Pass: Sendable {
        /// The chunk that the holder is about to receive; `nil` for other work, which nobody stops.
        let chunk: Chunk?
        private let stop: @Sendable () -> Void
        private let stopped = Mutex(false)

        init(for chunk: Chunk? = nil, stop: @escaping @Sendable () -> Void = {}) {
            self.chunk = chunk
            self.stop = stop
        }

        var isStopped: Bool { stopped.withLock { $0 } }

        func requestStop() {
            stopped.withLock { $0 = true }
            stop()
        }

        /// Whether this pass is for the chunk right behind the other's, in a dialect where that one waits.
        func waits(behind other: Pass) -> Bool {
            guard let chunk, chunk.keeping == .whole, let end = other.chunk?.end else { return false }
            return chunk.offset == end && end > 0
        }
    }

    private struct Waiter {
        let pass: Pass
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Gate {
        var holder: Pass
        var waiters: [Waiter] = []
    }

    private let gates = Mutex<[UploadID: Gate]>([:])

    /// Waits for the upload and takes it; whoever has it, or waits for it to receive a chunk, is asked to stop.
    func enter(_ id: UploadID, _ pass: Pass) async throws(UploadError) {
        let entered = if takeIfFree(id, pass) { true } else { await wait(for: id, pass) }
        guard entered else {
            throw UploadError(
                .unavailable, "Another request is still busy with this upload; try again.", retryAfter: .seconds(2))
        }
        guard !pass.isStopped else {
            leave(id)
            throw UploadError(ByteSourceError.stopped)
        }
        // A task cancelled before it had queued would otherwise hold the gate without working.
        guard !Task.isCancelled else {
            leave(id)
            throw UploadError(ByteSourceError.truncated)
        }
    }

    /// Waits until the upload is the pass's.
    /// - Returns: false if it has waited for long enough.
    private func wait(for id: UploadID, _ pass: Pass) async -> Bool {
        let timeout = Task {
            try await Task.sleep(for: Self.patience)
            self.giveUp(id, pass)
        }
        defer { timeout.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let othersToStop: [Pass] = gates.withLock { gates in
                    guard var gate = gates[id] else {
                        gates[id] = Gate(holder: pass)
                        continuation.resume(returning: true)
                        return []
                    }
                    let present = [gate.holder] + gate.waiters.map(\.pass)
                    gate.waiters.append(Waiter(pass: pass, continuation: continuation))
                    gates[id] = gate
                    return present.filter { $0.chunk != nil && !pass.waits(behind: $0) }
                }
                for other in othersToStop { other.requestStop() }
            }
        } onCancel: {
            self.giveUp(id, pass)
        }
    }

    /// Takes the upload only if nobody has it.
    func enterIfFree(_ id: UploadID) -> Bool { takeIfFree(id, Pass()) }

    private func takeIfFree(_ id: UploadID, _ pass: Pass) -> Bool {
        gates.withLock { gates in
            guard gates[id] == nil else { return false }
            gates[id] = Gate(holder: pass)
            return true
        }
    }

    /// Gives the upload to whoever has waited longest.
    func leave(_ id: UploadID) {
        let next: Waiter? = gates.withLock { gates in
            guard var gate = gates[id] else { return nil }
            guard !gate.waiters.isEmpty else {
                gates[id] = nil
                return nil
            }
            let next = gate.waiters.removeFirst()
            gate.holder = next.pass
            gates[id] = gate
            return next
        }
        next?.continuation.resume(returning: true)
    }

    /// Whether anybody works on the upload now.
    func isHeld(_ id: UploadID) -> Bool {
        gates.withLock { $0[id] != nil }
    }

    private func giveUp(_ id: UploadID, _ pass: Pass) {
        let waiter: Waiter? = gates.withLock { gates in
            guard let index = gates[id]?.waiters.firstIndex(where: { $0.pass === pass }) else { return nil }
            return gates[id]?.waiters.remove(at: index)
        }
        waiter?.continuation.resume(returning: false)
    }
}
