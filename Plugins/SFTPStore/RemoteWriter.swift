import FPPluginKit

/// Takes the bytes of one write, and publishes them at the end.
///
/// Between two calls the connection may go: the file is opened again with the next, if nothing was under way.
final class RemoteWriter: PluginWriter {
    private let store: SFTPStore
    private let staged: Staged
    private var file: OpenFile?
    private var tracker = WriteTracker()
    private var end: UInt64
    private var isFinished = false

    init(_ store: SFTPStore, _ staged: Staged, _ file: OpenFile, at offset: UInt64) {
        self.store = store
        self.staged = staged
        self.file = file
        end = offset
    }

    private var doing: String { "writing \"\(staged.key)\"" }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        let file = try openFile(call)
        let connection = file.connection
        let step = Int(connection.features.writeSize)
        var place = 0
        while place < bytes.count {
            let part = UnsafeRawBufferPointer(rebasing: bytes[place..<min(place + step, bytes.count)])
            let start = offset + UInt64(place)
            let hasFailed = connection.monitor.locked {
                tracker.add(start)
                return tracker.refusal != nil || tracker.loss != nil
            }
            do throws(PluginError) {
                if hasFailed { throw PluginError(.transient, doing) }
                try connection.send(.write(file.handle, at: start, part), to: tracker, call)
            } catch {
                connection.monitor.locked { tracker.removeLast() }
                guard !hasFailed else { throw try failure(call) }
                throw error
            }
            place += part.count
        }
        end = offset + UInt64(bytes.count)
    }

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        let file = try openFile(call)
        try drain(call)
        if options.contains(.power) { try flush(file, call) }
        if !file.connection.features.isSerial { try staged.noteSafeOffset(end, on: file.connection, call) }
        return WriteProgress(durableOffset: end)
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        let connection: Connection
        if request.power || file != nil {
            let file = try openFile(call)
            try drain(call)
            if request.power { try flush(file, call) }
            connection = file.connection
            try file.close(call, doing)
            self.file = nil
        } else {
            connection = try store.pool.connection(for: .requests, call)
        }
        let info = try store.publish(staged, size: request.size, power: request.power, on: connection, call)
        finish()
        return info
    }

    func abort(_ call: borrowing Call) throws(PluginError) {
        file?.close()
        file = nil
        try store.drop(staged.id, call)
        finish()
    }

    /// The session has ended: others may look at what became of it.
    private func finish() {
        isFinished = true
        if staged.isSession { store.ledger.end(staged.id, .settled) }
    }

    func close() {
        let history = end(of: file)
        file?.close()
        if !staged.isSession {
            // Nobody will ask for these bytes again.
            if !isFinished { (file?.connection ?? store.pool.anyOpen)?.tell(.remove(staged.path)) }
        } else if !isFinished {
            store.ledger.end(staged.id, history)
        }
        file = nil
    }

    private func end(of file: OpenFile?) -> SessionLedger.History {
        guard let connection = file?.connection else { return hasLost ? .unknown : .settled }
        return connection.monitor.locked {
            if tracker.loss != nil { return .unknown }
            return tracker.underWay == 0 ? .settled : .draining(tracker, connection)
        }
    }

    private var hasLost = false

    // MARK: - The file

    /// The file, opened again if its connection has gone since the last call.
    private func openFile(_ call: borrowing Call) throws(PluginError) -> OpenFile {
        if let file {
            guard file.connection.isClosed else { return file }
            if let loss = file.connection.monitor.locked({ tracker.loss }) {
                hasLost = true
                throw PluginError(
                    .transient, "\(doing): \(loss.message); bytes were under way: resume the upload")
            }
        }
        file?.close()
        file = nil
        let connection = try store.pool.connection(for: .bytes, call)
        let handle = try connection.run(.open(staged.path, .write), call).expectHandle(doing)
        let opened = OpenFile(connection, handle)
        let found = try connection.run(.attributes(ofHandle: handle), call).expectAttributes(doing)
        guard let size = found.size, size >= end else {
            throw PluginError(.transient, "\(doing): the server has only \(found.size ?? 0) of \(end) bytes")
        }
        if size > end { try connection.run(.set(Attributes(size: end), onHandle: handle), call).expectOK(doing) }
        tracker = WriteTracker()
        file = opened
        return opened
    }

    /// Waits until the server has acknowledged all that was written.
    private func drain(_ call: borrowing Call) throws(PluginError) {
        guard let connection = file?.connection else { return }
        let hasFailed = try connection.monitor.locked { () throws(PluginError) in
            try connection.monitor.wait(call) { tracker.underWay == 0 }
            return tracker.refusal != nil || tracker.loss != nil
        }
        if hasFailed { throw try failure(call) }
    }

    private func flush(_ file: OpenFile, _ call: borrowing Call) throws(PluginError) {
        guard file.connection.features.has(Extension.fsync) else { return }
        try file.connection.run(.fsync(file.handle), call).expectOK("flushing \"\(staged.key)\" to the server's disk")
    }

    /// Why writes failed, and the end of this writer.
    private func failure(_ call: borrowing Call) throws(PluginError) -> PluginError {
        guard let file else { return PluginError(.internalError, "\(doing): no file") }
        let connection = file.connection
        let (refusal, place, loss) = try connection.monitor.locked { () throws(PluginError) in
            try connection.monitor.wait(call) { tracker.underWay == 0 }
            return (tracker.refusal, tracker.refusedAt, tracker.loss)
        }
        if let loss {
            hasLost = true
            return PluginError(.transient, "\(doing): \(loss.message); resume the upload")
        }
        guard let refusal else { return PluginError(.internalError, "\(doing): nothing was refused") }
        // What came after the refused bytes may have been written: cut it off, lest the length count what is missing.
        if let place, connection.features.isSerial {
            _ = try? connection.run(.set(Attributes(size: place), onHandle: file.handle), call)
        }
        return connection.explain(refusal, doing, takesBytes: true, call)
    }
}
