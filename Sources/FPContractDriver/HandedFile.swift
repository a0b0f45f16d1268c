import FPPluginAPI
import Glibc

/// A piece of a file that a reader handed out by `fp.read_fd/1`, which is the host's.
package final class HandedFile {
    package let descriptor: Int32
    package let offset: UInt64
    /// In bytes.
    package let length: UInt64

    init(_ piece: fp_file_piece) {
        descriptor = piece.fd
        offset = piece.offset
        length = piece.length
    }

    deinit { Glibc.close(descriptor) }

    /// The bytes of the piece, as far as the file has them.
    package func bytes() throws -> [UInt8] {
        guard length <= 1 << 30 else { throw Broken("read_fd gives \(length) bytes", .slot(FP_EXT_READ_FD)) }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(length)) { room, count in
            while count < room.count {
                let got = pread(
                    descriptor, room.baseAddress.map { $0 + count }, room.count - count, off_t(offset) + off_t(count))
                if got < 0 { failure = errno }
                if got <= 0 { return }
                count += got
            }
        }
        guard failure == 0 else {
            throw Broken("the descriptor of read_fd cannot be read: errno \(failure)", .slot(FP_EXT_READ_FD))
        }
        return bytes
    }
}

extension Store {
    package typealias ReadFDSlot =
        @convention(c) (OpaquePointer?, UnsafePointer<fp_call>?, UnsafeMutablePointer<fp_file_piece>?) -> fp_status

    /// The function of the extension `fp.read_fd/1`; nil if the library does not offer it.
    package var readFDSlot: ReadFDSlot? {
        slots.get_extension?(instance, FP_EXT_READ_FD)?.assumingMemoryBound(to: fp_ext_read_fd.self).pointee.read_fd
    }
}
