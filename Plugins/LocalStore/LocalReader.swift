import FPPluginKit
import Glibc

/// Reads one version of an object: its file stays open, whatever happens to the name.
final class LocalReader: PluginReader {
    private let file: Descriptor
    private let key: Key
    private var position: off_t

    init(_ file: consuming Descriptor, key: Key, at offset: UInt64) {
        self.file = file
        self.key = key
        position = off_t(clamping: offset)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        while true {
            let count = pread(file.raw, buffer.baseAddress, buffer.count, position)
            if count >= 0 {
                position += off_t(count)
                return count
            }
            let number = errno
            if number == EINTR { continue }
            var failure = PluginError.system(number, "reading \"\(key)\"")
            if number == EIO { failure.code = .corrupt }
            throw failure
        }
    }

    func file(_ call: borrowing Call) throws(PluginError) -> FilePiece? {
        // Without a further descriptor, this one is still good for reading.
        guard let other = file.duplicate() else { return nil }
        return FilePiece(other, offset: UInt64(position))
    }

    func close() {}
}
