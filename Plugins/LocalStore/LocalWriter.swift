import CLinux
import FPPluginKit
import Glibc

/// Takes the bytes of one write, to publish them at the end.
final class LocalWriter: PluginWriter {
    private let staged: StagedFile
    private let key: Key
    private let replaces: Bool
    private let outlivesClose: Bool
    private var end: UInt64
    private var isFinished = false
    /// The kernel has been told to write back what lies below.
    private var pushed: UInt64

    /// Near enough that a last sync finds little left to do. Only where there is one: a disk that is slower than the
    /// client makes each push wait.
    private static let pushStep: UInt64 = 8 << 20

    init(_ staged: StagedFile, key: Key, replaces: Bool, outlivesClose: Bool, at offset: UInt64) {
        self.staged = staged
        self.key = key
        self.replaces = replaces
        self.outlivesClose = outlivesClose
        end = offset
        pushed = offset
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, _ call: borrowing Call) throws(PluginError) {
        try staged.tree.changing("writing \"\(key)\"", isStaging: true) { () throws(SystemError) in
            try staged.write(bytes, at: offset)
        }
        end = offset + UInt64(bytes.count)
        guard staged.tree.syncsForPower.load(ordering: .relaxed), end - pushed >= Self.pushStep else { return }
        _ = cl_start_writeback(staged.file.raw, Int64(clamping: pushed), Int64(clamping: end - pushed))
        pushed = end
    }

    func sync(_ options: SyncOptions, _ call: borrowing Call) throws(PluginError) -> WriteProgress {
        if options.contains(.power) {
            staged.tree.syncsForPower.store(true, ordering: .relaxed)
            try staged.syncForPower(upTo: end)
        }
        return WriteProgress(durableOffset: end)
    }

    func commit(_ request: CommitRequest, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        if request.power { staged.tree.syncsForPower.store(true, ordering: .relaxed) }
        let info = try staged.publish(as: key, replacing: replaces, size: request.size, power: request.power)
        isFinished = true
        return info
    }

    func abort(_ call: borrowing Call) throws(PluginError) {
        try staged.drop()
        isFinished = true
    }

    func close() {
        // A put that was not meant to be resumed, on a file system where even that needs a name.
        if !isFinished, !outlivesClose { try? staged.drop() }
    }
}
