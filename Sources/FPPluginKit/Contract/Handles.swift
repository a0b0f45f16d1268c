import FPPluginAPI

/// What an `fp_instance *` points to.
final class StoreHandle {
    let store: any PluginStore
    // Cast once, because a dynamic cast on every call would cost more than the call.
    let resumable: (any ResumableStore)?
    let listing: (any ListingStore)?
    let pendingListing: (any PendingListingStore)?
    let copying: (any CopyingStore)?
    let presigning: (any PresigningStore)?
    let transferring: (any TransferringStore)?
    let offered: Capabilities.Flags
    let threadingMax: Threading

    init(_ store: any PluginStore) {
        self.store = store
        resumable = store as? any ResumableStore
        listing = store as? any ListingStore
        pendingListing = store as? any PendingListingStore
        copying = store as? any CopyingStore
        presigning = store as? any PresigningStore
        transferring = store as? any TransferringStore
        offered = Offer(type(of: store)).capabilities
        threadingMax = type(of: store).plugin.threading
    }
}

/// What an `fp_reader *` points to. Holds the plugin to its promise: exactly the bytes asked for, or an error.
final class ReaderHandle {
    private let reader: any PluginReader
    private let key: Key
    private var left: UInt64
    private var failed = false

    init(_ reader: any PluginReader, key: Key, promised: UInt64) {
        self.reader = reader
        self.key = key
        left = promised
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        guard !failed else { throw PluginError(.invalid, "read: only read_close may follow an error") }
        guard left > 0 else { return 0 }
        guard !buffer.isEmpty else { throw PluginError(.invalid, "read: the buffer has no room") }
        let wanted = Int(min(UInt64(buffer.count), left))
        do throws(PluginError) {
            let count = try reader.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), call)
            guard count > 0, count <= wanted else {
                throw PluginError(.transient, "\"\(key)\" ended \(left) bytes early")
            }
            left -= UInt64(count)
            return count
        } catch {
            failed = true
            throw error
        }
    }

    func file(_ call: borrowing Call) throws(PluginError) -> (descriptor: Int32, offset: UInt64, length: UInt64)? {
        guard !failed else { throw PluginError(.invalid, "read_fd: only read_close may follow an error") }
        guard let piece = try reader.file(call) else { return nil }
        let (descriptor, offset) = piece.release()
        return (descriptor, offset, left)
    }

    func close() { reader.close() }
}

/// What an `fp_writer *` points to. Holds the host to the order of calls that the contract allows.
final class WriterHandle {
    private enum State {
        case open
        /// Nothing is published; the commit may be tried again.
        case commitFailed
        case poisoned
        case aborted
        case committed
    }

    private let writer: any PluginWriter
    private let isResumable: Bool
    private let digests: UInt32
    private var accepted: UInt64
    private var state = State.open

    init(_ writer: any PluginWriter, at offset: UInt64, isResumable: Bool, digests: UInt32) {
        self.writer = writer
        self.isResumable = isResumable
        self.digests = digests
        accepted = offset
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        try expect(state == .open, "write")
        do throws(PluginError) {
            guard offset == accepted else {
                throw PluginError(.invalid, "write: offset \(offset) where \(accepted) is next")
            }
            let (end, overflow) = offset.addingReportingOverflow(UInt64(bytes.count))
            guard !overflow else { throw PluginError(.tooLarge, "write: the offset overflows") }
            try writer.write(bytes, at: offset, call)
            accepted = end
        } catch {
            state = .poisoned
            throw error
        }
    }

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        guard isResumable else {
            throw PluginError(.unsupported, "write_sync: this write is not resumable")
        }
        try expect(state == .open, "write_sync")
        do throws(PluginError) {
            return try writer.sync(options, call)
        } catch {
            state = .poisoned
            throw error
        }
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try expect(state == .open || state == .commitFailed, "write_commit")
        if let digest = request.digest, digest.algorithm > 31 || digests & (1 << digest.algorithm) == 0 {
            throw PluginError(.unsupported, "write_commit: digest algorithm \(digest.algorithm) is not offered")
        }
        do throws(PluginError) {
            guard request.size == accepted else {
                throw PluginError(.invalid, "write_commit: \(request.size) bytes announced, \(accepted) written")
            }
            let info = try writer.commit(request, call)
            state = .committed
            return info
        } catch {
            state = error.outcomeUnknown ? .poisoned : .commitFailed
            throw error
        }
    }

    func abort(_ call: borrowing Call) throws(PluginError) {
        if state == .aborted { return }
        try expect(state != .committed, "write_abort")
        state = .poisoned
        try writer.abort(call)
        state = .aborted
    }

    func close() { writer.close() }

    private func expect(_ legal: Bool, _ slot: String) throws(PluginError) {
        guard legal else { throw PluginError(.invalid, "\(slot): not after what this writer went through") }
    }
}

/// Turns an object into the opaque pointer that the host keeps, and back.
enum Handle {
    static func make(_ object: AnyObject) -> OpaquePointer { OpaquePointer(Unmanaged.passRetained(object).toOpaque()) }

    static func object<Object: AnyObject>(_ pointer: OpaquePointer?, as type: Object.Type) throws(PluginError) -> Object
    {
        guard let pointer else { throw PluginError(.invalid, "the host passed no handle") }
        return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
    }

    static func take<Object: AnyObject>(_ pointer: OpaquePointer?, as type: Object.Type) -> Object? {
        pointer.map { Unmanaged<Object>.fromOpaque(UnsafeRawPointer($0)).takeRetainedValue() }
    }
}
