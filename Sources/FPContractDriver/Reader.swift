import FPPluginAPI
import Glibc

/// An open read.
package final class Reader {
    private let store: Store
    private var reader: OpaquePointer?
    /// Of the whole object.
    package let info: Info

    fileprivate init(_ store: Store, _ reader: OpaquePointer, _ info: Info) {
        self.store = store
        self.reader = reader
        self.info = info
    }

    deinit { close() }

    package func close() {
        guard let open = reader else { return }
        reader = nil
        Breadcrumb.shared.leave("read_close")
        store.slots.read_close?(open)
    }

    /// At most `capacity` bytes; none at the end.
    package func read(_ capacity: Int = 65536) throws -> [UInt8] {
        guard let slot = store.slots.read else { throw Broken("read is NULL", .slot("fp_plugin")) }
        let buffer = GuardedBuffer(capacity)
        var count = 0
        try store.current.perform("read") { slot(reader, $0, buffer.start, capacity, &count) }
        try buffer.check("read")
        guard count <= capacity else {
            throw Broken("read says that it gave \(count) bytes for a capacity of \(capacity)", .slot("read"))
        }
        return fp_buf(ptr: buffer.start, cap: capacity, len: count).array
    }

    /// The file with the bytes that are left, by `fp.read_fd/1`; nil if the plugin has none for this reader.
    package func file() throws -> HandedFile? {
        guard let reader, let slot = store.readFDSlot else { return nil }
        var piece = fp_file_piece()
        piece.fd = -1
        do {
            (_, piece) = try store.shape.lendOutput(piece, of: "read_fd", buffers: []) { piece in
                try store.current.perform("read_fd") { slot(reader, $0, piece) }
            }
        } catch let failure as Failure where failure.status == FP_E_UNSUPPORTED {
            return nil
        }
        guard piece.fd > 2 else {
            throw Broken("read_fd returned FP_OK and the descriptor \(piece.fd)", .slot(FP_EXT_READ_FD))
        }
        return HandedFile(piece)
    }

    /// Everything up to the end; more than `limit` bytes are too many.
    package func rest(_ capacity: Int = 65536, limit: UInt64 = .max) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let more = try read(capacity)
            if more.isEmpty { return bytes }
            bytes += more
            guard UInt64(bytes.count) <= limit else {
                throw Broken("read gave \(bytes.count) bytes where \(limit) were promised", .slot("read"))
            }
        }
    }
}

extension Store {
    /// Opens a read of `length` bytes, which end where the object does.
    package func open(
        _ key: String, offset: UInt64 = 0, length: UInt64 = FP_SIZE_UNKNOWN, ifMatch: String? = nil, flags: UInt32 = 0
    ) throws -> Reader {
        guard let slot = slots.read_open else { throw Broken("read_open is NULL", .slot("fp_plugin")) }
        var out: OpaquePointer?
        do {
            let info = try withInfo("read_open") { info in
                try lend(key) { key in
                    try lend(optional: ifMatch) { etag in
                        var request = fp_read_req()
                        request.flags = flags
                        request.key = key
                        request.offset = offset
                        request.length = length
                        request.if_match = etag
                        try shape.lend(request) { request in
                            try current.perform("read_open") { slot(instance, $0, request, &out, info) }
                        }
                    }
                }
            }
            guard let out else { throw Broken("read_open returned FP_OK and no reader", .slot("read_open")) }
            return Reader(self, out, info)
        } catch let failure as Failure {
            guard out == nil else { throw Broken("read_open failed and left a reader in *out", .rule(5)) }
            throw failure
        }
    }

    /// All bytes of such a read.
    package func get(_ key: String, offset: UInt64 = 0, length: UInt64 = FP_SIZE_UNKNOWN) throws -> [UInt8] {
        let reader = try open(key, offset: offset, length: length)
        defer { reader.close() }
        return try reader.rest(limit: reader.info.size)
    }
}
