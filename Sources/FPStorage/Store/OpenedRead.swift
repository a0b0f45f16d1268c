import FPPluginAPI
import NIOCore

/// Which bytes of which version of an object.
struct ReadRequest: Sendable {
    var key: String
    var offset: UInt64
    var length: UInt64?
    var ifMatch: String?
}

/// An open read and its first bytes, in one job. If they are all, the handle is closed already.
struct OpenedRead: Sendable {
    let info: ObjectInfo
    let handle: PluginHandle?
    /// Empty if there is a file.
    let first: ByteBuffer
    let file: StoreFile?
    /// The bytes that the read brings, the first included.
    let promised: UInt64

    init(
        _ request: ReadRequest, store: Store, readSize: Int, asFile: Bool = false, _ context: CallContext
    ) throws(StoreError) {
        let errors = store.errors
        let slots = store.library.table.slots
        var raw = context.scratch.info()
        var pointer: OpaquePointer?
        try request.key.withContractString { key throws(StoreError) in
            try request.ifMatch.withContractString { ifMatch throws(StoreError) in
                var contract = fp_read_req()
                contract.struct_size = UInt32(MemoryLayout<fp_read_req>.size)
                contract.key = key
                contract.offset = request.offset
                contract.length = request.length ?? FP_SIZE_UNKNOWN
                contract.if_match = ifMatch
                try errors.check(.readOpen, context) {
                    slots.readOpen(store.instance.pointer.raw, $0, &contract, &pointer, &raw)
                }
            }
        }
        guard let pointer else { throw errors.defect(.readOpen, "it returned FP_OK and no reader") }
        let handle = PluginHandle(
            PluginPointer(raw: pointer), of: store, closedBy: .readClose, about: CallSubject(request.key))
        do throws(StoreError) {
            info = try ObjectInfo(raw, .readOpen, errors)
            guard request.offset <= info.size else {
                throw errors.defect(.readOpen, "it opened at \(request.offset) an object of \(info.size) bytes")
            }
            promised = min(request.length ?? .max, info.size - request.offset)
            let isAll = promised <= UInt64(readSize)
            // A few bytes are read sooner than a file is handed from hand to hand.
            let file = asFile && !isAll ? try Self.file(of: pointer, promised, store, context) : nil
            self.file = file
            guard file == nil else {
                first = ByteBuffer()
                self.handle = nil
                handle.closeInline()
                return
            }
            var buffer = ByteBuffer()
            // Of a long read only what comes first, since the caller waits for it.
            try Self.fill(
                &buffer, atLeast: isAll ? Int(promised) : 1, atMost: isAll ? Int(promised) : readSize, from: pointer,
                store, context)
            first = buffer
            self.handle = isAll ? nil : handle
        } catch {
            handle.closeInline()
            throw error
        }
        if self.handle == nil { handle.closeInline() }
    }

    /// - Returns: nil if the plugin hands out none, for any reader or for this one.
    private static func file(
        of reader: OpaquePointer, _ promised: UInt64, _ store: Store, _ context: CallContext
    ) throws(StoreError) -> StoreFile? {
        guard let readFD = store.instance.readFD else { return nil }
        var piece = fp_file_piece(struct_size: UInt32(MemoryLayout<fp_file_piece>.size), fd: -1, offset: 0, length: 0)
        do throws(StoreError) {
            try store.errors.check(.readFD, context) { readFD(reader, $0, &piece) }
        } catch {
            guard error.code == .unsupported else { throw error }
            return nil
        }
        guard piece.fd >= 0 else { throw store.errors.defect(.readFD, "it returned FP_OK and no descriptor") }
        let file = StoreFile(descriptor: piece.fd, offset: piece.offset, length: piece.length)
        guard piece.length == promised, piece.offset <= UInt64(Int64.max) - promised else {
            throw store.errors.defect(
                .readFD, "it gave \(piece.length) bytes of a file from \(piece.offset) on, where \(promised) follow")
        }
        return file
    }

    /// Reads into the buffer's own memory until it holds `least` bytes, at most `most`. After an error the buffer holds
    /// what came before it.
    static func fill(
        _ buffer: inout ByteBuffer, atLeast least: Int, atMost most: Int, from reader: OpaquePointer, _ store: Store,
        _ context: CallContext
    ) throws(StoreError) {
        buffer.reserveCapacity(most)
        while buffer.readableBytes < least {
            let wanted = most - buffer.readableBytes
            var count = 0
            var failure: StoreError?
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                do throws(StoreError) {
                    try store.errors.check(.read, context) {
                        store.library.table.slots.read(reader, $0, space.baseAddress, wanted, &count)
                    }
                    return count <= wanted ? count : 0
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard count <= wanted else {
                throw store.errors.defect(.read, "it claims \(count) bytes where there was room for \(wanted)")
            }
            guard count > 0 else {
                throw store.errors.defect(.read, "it ended before the last of the bytes that it promised")
            }
        }
    }
}
