import Glibc
import NIOCore

/// A piece of an open regular file. Closes the file when nobody holds it any more, so whoever sends from it holds it until
/// the kernel has taken the last byte.
final class FileBody: Sendable {
    let offset: Int64
    let length: Int64
    private let handle: NIOFileHandle

    var end: Int64 { offset + length }

    init(_ descriptor: CInt, offset: Int64, length: Int64) {
        self.offset = offset
        self.length = length
        handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor)
    }

    deinit {
        // It is open, as nobody else closes it; an error of close() has nothing to say about a file that was only read.
        try? handle.close()
    }

    func region(_ bytes: Range<Int64>) -> FileRegion {
        FileRegion(fileHandle: handle, readerIndex: Int(bytes.lowerBound), endIndex: Int(bytes.upperBound))
    }

    /// Reads a piece; nil if the file does not hold it, or the disk does not give it. Blocks for as long as sending it would.
    func bytes(_ range: Range<Int64>) -> ByteBuffer? {
        let count = Int(range.upperBound - range.lowerBound)
        var buffer = ByteBufferAllocator().buffer(capacity: count)
        let read = try? handle.withUnsafeFileDescriptor { descriptor in
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
                var done = 0
                while done < count {
                    let place = Int(range.lowerBound) + done
                    let got = pread(descriptor, target.baseAddress?.advanced(by: done), count - done, place)
                    if got < 0, errno == EINTR { continue }
                    if got <= 0 { break }
                    done += got
                }
                return done
            }
        }
        return read == count ? buffer : nil
    }

    /// Whether the file is long enough for all bytes before `end`: sendfile tells nobody that it is not.
    func reaches(_ end: Int64) -> Bool {
        // NIO counts in 56 bits, and stops the process at more.
        guard end < 1 << 55 else { return false }
        var status = stat()
        let result = try? handle.withUnsafeFileDescriptor { fstat($0, &status) }
        return result == 0 && Int64(status.st_size) >= end
    }
}
