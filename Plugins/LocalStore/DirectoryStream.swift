import CLinux
import FPPluginKit
import Glibc

/// The names in a directory, in the order that the file system gives them.
struct DirectoryStream: ~Copyable {
    private let stream: OpaquePointer

    init(_ directory: borrowing Directory) throws(SystemError) {
        // The stream closes the descriptor that it is made of, so it gets one of its own, and one that can be read.
        let own = cl_open(directory.raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard own >= 0 else { throw SystemError(number: -own) }
        guard let stream = fdopendir(own) else {
            let number = errno
            close(own)
            throw SystemError(number: number)
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    var raw: Int32 { dirfd(stream) }

    /// A name and what it names.
    struct Item {
        let name: [UInt8]
        let kind: NameKind
    }

    /// The next name other than "." and ".."; nil at the end.
    func next() throws(SystemError) -> Item? {
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw SystemError(number: errno) }
                return nil
            }
            let place = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
            let name = UnsafeRawPointer(entry).advanced(by: place).assumingMemoryBound(to: CChar.self)
            let bytes = Array(UnsafeRawBufferPointer(start: name, count: strlen(name)))
            if bytes.elementsEqual(".".utf8) || bytes.elementsEqual("..".utf8) { continue }
            return Item(name: bytes, kind: kind(entry.pointee.d_type, bytes))
        }
    }

    private func kind(_ type: UInt8, _ name: [UInt8]) -> NameKind {
        switch Int(type) {
        case DT_REG: return .file
        case DT_DIR: return .directory
        case DT_UNKNOWN:
            // Some file systems do not say.
            var found = FileStatus()
            let text = String(decoding: name, as: UTF8.self)
            guard fstatat(raw, text, &found, AT_SYMLINK_NOFOLLOW) == 0 else { return .other }
            return found.isFile ? .file : found.isDirectory ? .directory : .other
        default: return .other
        }
    }
}
