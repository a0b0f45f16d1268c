import FPPluginKit

/// Takes the bytes of one write, and publishes them at the end.
///
/// The connection may go at any time: the file is opened again over another, and bytes that the server had not
/// acknowledged are sent again, within the call that needs it.
final class RemoteWriter: PluginWriter {
    private let store: SFTPStore
    private let staged: Staged
    private var file: OpenFile?
    /// The connection that was used last.
    private var connection: Connection?
    private var tracker = WriteTracker()
    private var end: UInt64
    private var isFinished = false
    /// The request that publishes was sent, and its answer was lost.
    private var isUnclear = false
    /// Why the staged bytes must not be published.
    private var damage: PluginError?

    init(_ store: SFTPStore, _ staged: Staged, _ file: OpenFile, at offset: UInt64) {
        self.store = store
        self.staged = staged
        self.file = file
        connection = file.connection
        end = offset
    }

    private var doing: String { "writing \"\(staged.key)\"" }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        var patience = Patience(store.settings)
        var file = try openFile(&patience, call)
        var place = 0
        while place < bytes.count {
            let step = Int(file.connection.features.writeSize)
            let part = UnsafeRawBufferPointer(rebasing: bytes[place..<min(place + step, bytes.count)])
            let start = offset + UInt64(place)
            let isSent = try file.connection.write(
                .write(file.handle, at: start, part), part.count, at: start, to: tracker, call)
            if isSent {
                place += part.count
                end = start + UInt64(part.count)
            } else {
                file = try openFile(&patience, call)
            }
        }
    }

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        try persistently(call) { (patience, call) throws(PluginError) in
            let file = try drain(&patience, call)
            if options.contains(.power) { try flush(file, call) }
            if !file.connection.features.isSerial { try staged.noteSafeOffset(end, on: file.connection, call) }
            return WriteProgress(durableOffset: end)
        }
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        let info = try persistently(call) { (patience, call) throws(PluginError) in
            if isUnclear, let info = try outcome(request, call) { return info }
            if request.power || file != nil {
                let file = try drain(&patience, call)
                if request.power { try flush(file, call) }
                try close(file, call)
            } else {
                connection = nil
                connection = try store.pool.connection(for: .requests, call)
            }
            guard let connection else { throw PluginError(.internalError, "\(doing): no connection") }
            return try store.judging(call) { (call) throws(PluginError) in
                try store.publish(staged, size: request.size, power: request.power, on: connection, call)
            }
        }
        finish()
        return info
    }

    /// Runs `body`, again over another connection if its own breaks.
    private func persistently<Value>(
        _ call: borrowing Call, _ body: (inout Patience, borrowing Call) throws(PluginError) -> Value
    ) throws(PluginError) -> Value {
        var patience = Patience(store.settings)
        while true {
            do throws(PluginError) {
                return try body(&patience, call)
            } catch {
                if error.outcomeUnknown { isUnclear = true }
                guard connection?.isClosed ?? true else { throw error }
                try patience.wait(after: error, call)
            }
        }
    }

    /// What became of a commit whose deciding request got no answer; nil if it did not happen.
    private func outcome(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo? {
        // As long as it is not known, no error may say that nothing has happened.
        do throws(PluginError) {
            connection = nil
            let connection = try store.pool.connection(for: .requests, call)
            self.connection = connection
            let found = try store.outcome(of: staged, size: request.size, on: connection, call)
            if found != nil, request.power { try store.flush(staged.key, on: connection, call) }
            if found == nil { isUnclear = false }
            return found
        } catch {
            var error = error
            error.outcomeUnknown = true
            throw error
        }
    }

    func abort(_ call: borrowing Call) throws(PluginError) {
        file?.close()
        file = nil
        try store.drop(staged.id, of: staged.key, call)
        finish()
    }

    /// The session has ended: others may look at what became of it.
    private func finish() {
        isFinished = true
        if staged.isSession { store.ledger.end(staged.id, .settled) }
    }

    func close() {
        let history = history()
        file?.close()
        if !staged.isSession {
            // Nobody will ask for these bytes again.
            let own = file?.connection
            if !isFinished { (own?.isClosed == false ? own : store.pool.anyOpen)?.tell(.remove(staged.path)) }
        } else if !isFinished {
            store.ledger.end(staged.id, history)
        }
        file = nil
    }

    private func history() -> SessionLedger.History {
        guard let connection = file?.connection else { return hasStrays ? .unknown : .settled }
        return connection.withLock { _ in
            tracker.forget()
            if hasStrays || tracker.loss != nil { return .unknown }
            return tracker.isQuiet ? .settled : .draining(tracker, connection)
        }
    }

    /// Bytes of a connection that broke may still reach the file.
    private var hasStrays = false

    // MARK: - The file

    /// The file, opened again if its connection has gone since.
    private func openFile(_ patience: inout Patience, _ call: borrowing Call) throws(PluginError) -> OpenFile {
        if let damage { throw damage }
        while true {
            if let file {
                let (isClosed, isRefused) = file.connection.withLock { ($0, tracker.refusal != nil) }
                if isRefused { throw try failure(file, call) }
                if !isClosed { return file }
            }
            do throws(PluginError) {
                return try reopen(call)
            } catch {
                guard connection?.isClosed ?? true else { throw error }
                try patience.wait(after: error, call)
            }
        }
    }

    /// Opens the file over another connection, and sends again what the last one took with it.
    private func reopen(_ call: borrowing Call) throws(PluginError) -> OpenFile {
        let lost = file?.connection.withLock { _ in tracker.unanswered } ?? tracker.unanswered
        if !lost.isEmpty { hasStrays = true }
        connection = nil
        let connection = try store.pool.connection(for: .bytes, call)
        self.connection = connection
        // The server may still write what it received before the connection broke: wait until that is over.
        let isThere = try store.isStaged(staged, isSettled: !hasStrays, on: connection, call)
        guard isThere else { throw PluginError(.gone, "\(doing): the upload was dropped") }
        let opened = OpenFile(
            connection, try connection.run(.open(staged.path, .write), call).expectHandle(doing))
        let size = try connection.run(.attributes(ofHandle: opened.handle), call).expectAttributes(doing).size ?? 0
        let acknowledged = lost.first?.start ?? end
        guard size >= acknowledged else {
            throw PluginError(
                .gone, "\(doing): the server has only \(size) of the \(acknowledged) bytes that it acknowledged")
        }
        guard size <= end else {
            throw PluginError(.conflict, "\(doing): somebody else has written to the upload, up to byte \(size)")
        }
        // All of it, and not only what lies beyond the file's end: a write before the end may have been refused.
        let fresh = WriteTracker()
        for part in lost {
            let isSent = try connection.write(
                .write(opened.handle, part), part.count, at: part.start, to: fresh, call)
            guard isSent else { throw PluginError(.transient, "\(doing): the connection broke again") }
        }
        file?.close()
        tracker = fresh
        file = opened
        hasStrays = false
        return opened
    }

    /// Waits until the server has acknowledged all that was written.
    private func drain(_ patience: inout Patience, _ call: borrowing Call) throws(PluginError) -> OpenFile {
        while true {
            let file = try openFile(&patience, call)
            connection = file.connection
            if try file.connection.whenQuiet(tracker, call, \.isWell) { return file }
        }
    }

    private func flush(_ file: OpenFile, _ call: borrowing Call) throws(PluginError) {
        guard file.connection.features.has(Extension.fsync) else { return }
        try file.connection.run(.fsync(file.handle), call).expectOK("flushing \"\(staged.key)\" to the server's disk")
    }

    /// Closes the file and waits for the answer: some servers report only then that they lost bytes.
    private func close(_ file: OpenFile, _ call: borrowing Call) throws(PluginError) {
        self.file = nil
        do throws(PluginError) {
            try file.close(call, doing)
        } catch {
            // A status from the server is final. A connection that broke, or a call that was given up, says nothing.
            if error.nativeCode != 0 { damage = error }
            throw error
        }
    }

    /// Why writes were refused, and the end of this writer.
    private func failure(_ file: OpenFile, _ call: borrowing Call) throws(PluginError) -> PluginError {
        let connection = file.connection
        let (refusal, place) = try connection.whenQuiet(tracker, call) { ($0.refusal, $0.refusedAt) }
        guard let refusal else { return PluginError(.internalError, "\(doing): nothing was refused") }
        // What came after the refused bytes may have been written: cut it off, or the length counts missing bytes.
        if let place, connection.features.isSerial {
            _ = try? store.pool.perform(call) { (connection, call) throws(PluginError) in
                try connection.run(.set(Attributes(size: place), on: staged.path), call)
            }
        }
        let answering = connection.isClosed ? store.pool.anyOpen : connection
        return answering?.explain(refusal, doing, takesBytes: true, call) ?? .refused(refusal, doing)
    }
}
