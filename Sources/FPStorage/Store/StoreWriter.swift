import FPPluginAPI
import NIOCore
import Synchronization

/// An open write. Nothing of it can be seen until `commit`. Closes itself when nobody holds it any more: a resumable
/// session then stays resumable, anything else leaves nothing.
///
/// One call at a time; a second one is refused with `.invalid`. Sync, commit and abort are tried again after failures
/// that pass; a write is not, for what the plugin took of it nobody knows. After a failed `write` only `abort` and
/// `close` are of use: resume the session to go on.
public final class StoreWriter: Sendable {
    /// Sees each buffer's bytes, on the pool's thread, before they are written.
    public typealias Inspection = @Sendable (UnsafeRawBufferPointer) -> Void

    /// The durable name of the session; empty for a one-shot write. Good until commit, discard or expiry.
    public let token: [UInt8]

    private let handle: PluginHandle
    private let isResumable: Bool
    private let target: WriteTarget?
    private let accepted: Atomic<UInt64>
    private let durable: Atomic<UInt64>

    init(
        _ handle: PluginHandle, token: [UInt8], isResumable: Bool, target: WriteTarget?, offset: UInt64, durable: UInt64
    ) {
        self.handle = handle
        self.token = token
        self.isResumable = isResumable
        self.target = target
        accepted = Atomic(offset)
        self.durable = Atomic(durable)
    }

    deinit {
        handle.close()
    }

    /// How many bytes the plugin has accepted so far, those from before a resume included.
    public var offset: UInt64 { accepted.load(ordering: .acquiring) }

    /// Appends buffers, in order, in one job on the store's pool. The bytes are not copied on the way.
    /// - Throws: ``StoreError``; ``offset`` then tells how many bytes were accepted.
    public nonisolated(nonsending) func write(
        _ buffers: [ByteBuffer], each: Inspection? = nil
    ) async throws(StoreError) {
        try await handle.perform(.write) { context, pointer throws(StoreError) in
            try self.append(buffers, each, pointer, context)
        }
    }

    /// Gives the bytes behind those that were written, without waiting: no buffers at the end, nil if it is not known yet
    /// what follows.
    public typealias Following = @Sendable () -> [ByteBuffer]?

    /// For how long one job takes up what follows: long enough that the way to the pool costs next to nothing, short
    /// enough that others get their turn and that no deadline comes near.
    private static let followingTime: Duration = .milliseconds(50)

    /// Appends buffers, then what has come behind them meanwhile, in one job on the store's pool. So no thread has to wake
    /// up for each piece of a body that comes as fast as it is written.
    /// - Parameters:
    ///   - power: how the end is made durable, as ``sync(power:suspend:)`` does; nil if it is not to be.
    ///   - following: asked on the pool's thread; what it returned counts as given to be written.
    /// - Returns: how far the bytes are safe, if the end came and was made durable; nil if there may be more.
    /// - Throws: ``StoreError``; ``offset`` then tells how many bytes were accepted.
    public nonisolated(nonsending) func write(
        _ buffers: [ByteBuffer], thenSync power: Bool?, each: Inspection? = nil, following: @escaping Following
    ) async throws(StoreError) -> WriteProgress? {
        let sync = power == nil ? nil : try syncSlot()
        let flags = power == true ? FP_SYNC_POWER : 0
        let deadline = handle.store.deadline(of: .writeSync)
        do throws(StoreError) {
            return try await handle.perform(.write) { context, pointer throws(StoreError) in
                let end = MonotonicTime.now + Self.followingTime
                try self.append(buffers, each, pointer, context)
                while MonotonicTime.now < end, let more = following() {
                    guard !more.isEmpty else {
                        guard let sync else { return nil }
                        // The larger what was written, the longer this may take.
                        context.extend(to: deadline)
                        return try self.sync(sync, flags, pointer, context)
                    }
                    try self.append(more, each, pointer, context)
                }
                return nil
            }
        } catch  where error.isRetryable && error.operation == StoreOperation.writeSync.rawValue {
            // The plugin has accepted all bytes, so only the sync failed, and that may be repeated.
            guard let sync else { throw error }
            return try await self.sync(sync, flags, until: deadline)
        }
    }

    /// Makes durable what can be made so. Resumable writers only.
    /// - Parameters:
    ///   - power: durable against loss of power, not merely the end of this process.
    ///   - suspend: no more bytes will come soon.
    /// - Throws: ``StoreError``.
    @discardableResult
    public nonisolated(nonsending) func sync(
        power: Bool, suspend: Bool = false
    ) async throws(StoreError) -> WriteProgress {
        let sync = try syncSlot()
        let flags = (power ? FP_SYNC_POWER : 0) | (suspend ? FP_SYNC_SUSPEND : 0)
        return try await self.sync(sync, flags, until: handle.store.deadline(of: .writeSync))
    }

    /// Publishes the object: from one instant to the next it is there, whole. If the plugin cannot tell whether it did,
    /// the session or, under a key of the host's own making, the object tells.
    /// - Parameter size: the bytes that the caller means it to have; if as many are not staged, nothing is published.
    /// - Throws: ``StoreError``; with ``StoreError/outcomeUnknown`` set, nobody can tell whether it is published.
    @discardableResult
    public nonisolated(nonsending) func commit(size: UInt64, power: Bool) async throws(StoreError) -> ObjectInfo {
        try await commit(size: size, power: power, until: handle.store.deadline(of: .writeCommit))
    }

    private nonisolated(nonsending) func commit(
        size: UInt64, power: Bool, until deadline: MonotonicTime
    ) async throws(StoreError) -> ObjectInfo {
        try await handle.store.repeating(.writeCommit, until: deadline) { () async throws(StoreError) in
            try await handle.perform(.writeCommit, deadline: deadline) { [handle] context, pointer throws(StoreError) in
                let info = try handle.store.commit(pointer, size: size, power: power, context)
                handle.spend("it is committed")
                // Nothing else may follow, so this job gives the writer back as well.
                handle.close()
                return info
            }
        } looking: { failure async throws(StoreError) in
            guard let target else { return .unknown }
            if token.isEmpty {
                return await target.published(size: size, in: handle.store, until: deadline).map { .happened($0) }
                    ?? .unknown
            }
            return try await lookIntoSession(
                of: target, after: failure, size: size, power: power, until: deadline)
        }
    }

    /// Asks the session whether its commit happened. If not, and if all bytes are safe, commits it over a new writer;
    /// this one is closed, for a session has one writer.
    private nonisolated(nonsending) func lookIntoSession(
        of target: WriteTarget, after failure: StoreError, size: UInt64, power: Bool, until deadline: MonotonicTime
    ) async throws(StoreError) -> Store.Lookup<ObjectInfo> {
        let store = handle.store
        await handle.closeAndWait()
        let resumed: ResumedWrite
        let info: ObjectInfo?
        do throws(StoreError) {
            resumed = try await store.resumeWrite(token: token, expectedSize: size, for: target, until: deadline)
            if case .committed = resumed {
                info = try await store.stat(target.key, until: deadline)
            } else {
                info = nil
            }
        } catch {
            store.logger.debug("what became of write_commit cannot be told: \(error)")
            return .unknown
        }
        if let info { return info.size == size ? .happened(info) : .unknown }
        guard case .open(let writer) = resumed else { return .unknown }
        guard writer.offset == size else {
            await writer.close()
            var failure = failure
            failure.outcomeUnknown = false
            throw failure
        }
        do throws(StoreError) {
            let info = try await writer.commit(size: size, power: power, until: deadline)
            await writer.close()
            return .happened(info)
        } catch {
            await writer.close()
            throw error
        }
    }

    /// Drops the session and all of its bytes. Repeatable.
    /// - Throws: ``StoreError``.
    public nonisolated(nonsending) func abort() async throws(StoreError) {
        let deadline = handle.store.deadline(of: .writeAbort)
        try await handle.store.repeating(.writeAbort, until: deadline) { () async throws(StoreError) in
            try await handle.perform(.writeAbort, last: true, deadline: deadline) {
                [handle] context, pointer throws(StoreError) in
                try handle.store.errors.check(.writeAbort, context) {
                    handle.store.library.table.slots.writeAbort(pointer, $0)
                }
                handle.spend("it is aborted")
            }
        }
    }

    /// Gives the writer back to the plugin. Without commit or abort before it, a resumable session stays resumable.
    /// Does not wait for a call that is stuck in the plugin; the writer is then closed when that comes back.
    public nonisolated(nonsending) func close() async {
        await handle.closeAndWait()
    }

    private func append(
        _ buffers: [ByteBuffer], _ each: Inspection?, _ pointer: OpaquePointer, _ context: CallContext
    ) throws(StoreError) {
        do throws(StoreError) {
            var offset = accepted.load(ordering: .relaxed)
            for buffer in buffers where buffer.readableBytes > 0 {
                try handle.store.write(buffer, at: offset, each, pointer, context)
                offset += UInt64(buffer.readableBytes)
                accepted.store(offset, ordering: .releasing)
            }
        } catch {
            handle.spend("a write on it has failed; resume the session to go on")
            throw error
        }
    }

    private typealias SyncSlot =
        @convention(c) (
            OpaquePointer?, UnsafePointer<fp_call>?, UInt32, UnsafeMutablePointer<fp_write_state>?
        ) -> fp_status

    private func syncSlot() throws(StoreError) -> SyncSlot {
        let errors = handle.store.errors
        guard isResumable else { throw errors.misuse(.writeSync, "a one-shot write has nothing to resume from") }
        guard let sync = handle.store.library.table.raw.write_sync else {
            throw errors.unsupported(.writeSync, "the plugin \(handle.store.library.name) does not sync")
        }
        return sync
    }

    private nonisolated(nonsending) func sync(
        _ sync: @escaping SyncSlot, _ flags: UInt32, until deadline: MonotonicTime
    ) async throws(StoreError) -> WriteProgress {
        try await handle.store.repeating(.writeSync, until: deadline) { () async throws(StoreError) in
            try await handle.perform(.writeSync, deadline: deadline) { context, pointer throws(StoreError) in
                try self.sync(sync, flags, pointer, context)
            }
        }
    }

    private func sync(
        _ sync: SyncSlot, _ flags: UInt32, _ pointer: OpaquePointer, _ context: CallContext
    ) throws(StoreError) -> WriteProgress {
        let errors = handle.store.errors
        var state = context.scratch.writeState()
        try errors.check(.writeSync, context) { sync(pointer, $0, flags, &state) }
        guard !state.token.isOverfull else { throw errors.defect(.writeSync, "its token is longer than its room") }
        guard state.durable_offset <= accepted.load(ordering: .relaxed) else {
            throw errors.defect(
                .writeSync, "it calls \(state.durable_offset) bytes durable, where it was given \(offset)")
        }
        guard state.durable_offset >= durable.load(ordering: .relaxed) else {
            throw errors.defect(
                .writeSync,
                "it calls \(state.durable_offset) bytes durable, where it had said \(durable.load(ordering: .relaxed)) before"
            )
        }
        durable.store(state.durable_offset, ordering: .relaxed)
        return WriteProgress(
            durableOffset: state.durable_offset, token: state.token.len == 0 ? nil : state.token.bytes)
    }
}

/// Where a write publishes: what a commit of unknown outcome is looked up by.
struct WriteTarget: Sendable {
    let key: String
    /// Whether nobody else writes there.
    let isOwn: Bool

    /// The object, if it is there and this write's beyond doubt.
    nonisolated(nonsending) func published(
        size: UInt64, in store: Store, until deadline: MonotonicTime
    ) async -> ObjectInfo? {
        guard isOwn, let info = try? await store.stat(key, until: deadline), info.size == size else { return nil }
        return info
    }
}

extension Store {
    /// One `write` call with the buffer's own memory.
    func write(
        _ buffer: ByteBuffer, at offset: UInt64, _ each: StoreWriter.Inspection?, _ writer: OpaquePointer,
        _ context: CallContext
    ) throws(StoreError) {
        let result: Result<Void, StoreError> = buffer.withUnsafeReadableBytes { bytes in
            each?(bytes)
            do throws(StoreError) {
                try errors.check(.write, context) {
                    library.table.slots.write(writer, $0, offset, bytes.baseAddress, bytes.count)
                }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// One `write_commit` call.
    func commit(
        _ writer: OpaquePointer, size: UInt64, power: Bool, _ context: CallContext
    ) throws(StoreError) -> ObjectInfo {
        var info = context.scratch.info()
        var request = fp_commit_req()
        request.struct_size = UInt32(MemoryLayout<fp_commit_req>.size)
        request.flags = power ? FP_SYNC_POWER : 0
        request.size = size
        try errors.check(.writeCommit, context) {
            library.table.slots.writeCommit(writer, $0, &request, &info)
        }
        let published = try ObjectInfo(info, .writeCommit, errors)
        guard published.size == size else {
            throw errors.defect(
                .writeCommit, "it published \(published.size) bytes, where \(size) were to be committed")
        }
        return published
    }
}
