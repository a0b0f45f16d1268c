import CLinux
import FPPluginKit
import Glibc

/// An open object.
struct ObjectFile: ~Copyable {
    private let file: Descriptor
    let status: FileStatus

    init(_ file: consuming Descriptor, _ status: FileStatus) {
        self.file = file
        self.status = status
    }

    var raw: Int32 { file.raw }

    consuming func take() -> Descriptor { file }
}

extension Tree {
    func status(of key: Key) throws(PluginError) -> FileStatus {
        let root = try root()
        let status = try saying("looking at \"\(key)\"") { () throws(SystemError) in
            // In the location itself there is no directory to open first.
            guard key.directory != nil else { return try Directory(root: root).status(of: key.string) }
            return try open(key.string, cl_o_path, in: root).status()
        }
        try expectFile(status, key)
        return status
    }

    /// Opens an object for reading.
    /// - Throws: `.notFound`, or `.precondition` if its tag is not `etag`.
    func openObject(_ key: Key, ifMatch etag: String? = nil) throws(PluginError) -> ObjectFile {
        let root = try root()
        let object = try saying("opening \"\(key)\"") { () throws(SystemError) in
            // O_NONBLOCK, lest a FIFO that somebody put there holds us up.
            let file = try open(key.string, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, in: root)
            let status = try file.status()
            return ObjectFile(file, status)
        }
        try expectFile(object.status, key)
        if let etag, etag != object.status.etag { throw changed(key) }
        return object
    }

    func changed(_ key: Key) -> PluginError {
        PluginError(.precondition, "\"\(key)\" has been replaced")
    }

    /// - Throws: `.notFound` for a directory or device, `.denied` for a symbolic link.
    private func expectFile(_ status: FileStatus, _ key: Key) throws(PluginError) {
        guard !status.isFile else { return }
        throw PluginError.system(status.isLink ? ELOOP : ENOENT, "looking at \"\(key)\"")
    }
}
