import Crypto
import Glibc

/// Checks a plugin's file before the dynamic linker sees it, for constructors run inside `dlopen`.
///
/// Between the check and the load nobody else can replace the file, since the directories above it are checked too.
final class TrustedFile {
    /// The path without symbolic links.
    let path: String
    /// The size of the file in bytes.
    let size: UInt64
    private let descriptor: Int32

    /// - Throws: ``PluginLoadError``, one sentence for each thing that can be wrong.
    init(path: String, sha256: String?) throws(PluginLoadError) {
        guard getuid() == geteuid(), getgid() == getegid() else {
            throw PluginLoadError(
                .privilegedProcess, plugin: path,
                message: "this process runs with other rights than those of who started it (setuid or setgid), where "
                    + "plugins are never loaded. Take the bit from the executable.")
        }
        guard let real = PathResolution.real(path) else {
            throw PluginLoadError(.notAFile, plugin: path, message: "it cannot be reached: \(SystemError.text()).")
        }
        try Self.checkOwnership(of: real)
        let descriptor = open(real, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw PluginLoadError(
                .notAFile, plugin: real,
                message: "it cannot be read: \(SystemError.text()). Make it readable for this user.")
        }
        var status = stat()
        fstat(descriptor, &status)
        self.path = real
        self.descriptor = descriptor
        size = UInt64(status.st_size)
        if let sha256 { try check(sha256: sha256) }
    }

    deinit {
        close(descriptor)
    }

    /// Up to `count` bytes from `offset` on; fewer at the end of the file.
    func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(descriptor, buffer.baseAddress, count, Int(clamping: offset)))
        }
    }

    private static func checkOwnership(of path: String) throws(PluginLoadError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            throw PluginLoadError(.notAFile, plugin: path, message: "it cannot be looked at: \(SystemError.text()).")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw PluginLoadError(
                .notAFile, plugin: path, message: "it is \(kind(status.st_mode)), where a regular file is expected.")
        }
        try check(status, of: path, plugin: path)
        var directory = path
        while let slash = directory.lastIndex(of: "/"), directory != "/" {
            directory = slash == directory.startIndex ? "/" : String(directory[..<slash])
            guard lstat(directory, &status) == 0 else {
                throw PluginLoadError(
                    .notAFile, plugin: path,
                    message: "\(directory) above it cannot be looked at: \(SystemError.text()).")
            }
            try check(status, of: directory, plugin: path)
        }
    }

    private static func check(_ status: stat, of path: String, plugin: String) throws(PluginLoadError) {
        let what = path == plugin ? "the file" : "the directory \(path) above it"
        let user = geteuid()
        guard status.st_uid == 0 || status.st_uid == user else {
            let expected = user == 0 ? "root (0)" : "root (0) or this host's user (\(user))"
            throw PluginLoadError(
                .untrustedOwner, plugin: plugin,
                message: "\(what) belongs to user \(status.st_uid), where \(expected) is expected. Run chown on it, or "
                    + "move the plugin.")
        }
        // In a sticky directory of root's, as /tmp is, others can add files but neither replace nor rename ours.
        let isSharedByRoot = status.st_mode & S_IFMT == S_IFDIR && status.st_mode & S_ISVTX != 0 && status.st_uid == 0
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 || isSharedByRoot else {
            let who = status.st_mode & S_IWOTH != 0 ? "everybody" : "its group"
            throw PluginLoadError(
                .writableByOthers, plugin: plugin,
                message:
                    "\(what) is writable by \(who) (mode \(octal(status.st_mode))), where only its owner may write. "
                    + "Run chmod go-w \(path).")
        }
    }

    private static func kind(_ mode: mode_t) -> String {
        switch mode & S_IFMT {
        case S_IFDIR: "a directory"
        case S_IFIFO: "a pipe"
        case S_IFSOCK: "a socket"
        case S_IFCHR, S_IFBLK: "a device"
        default: "not a file"
        }
    }

    private static func octal(_ mode: mode_t) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private func check(sha256: String) throws(PluginLoadError) {
        let wanted = sha256.lowercased()
        guard wanted.utf8.count == 64, wanted.allSatisfy(\.isHexDigit) else {
            throw PluginLoadError(
                .wrongDigest, plugin: path,
                message: "the sha256 in the configuration is not 64 hexadecimal digits. Take what sha256sum prints.")
        }
        var hash = SHA256()
        var block = [UInt8](repeating: 0, count: 256 * 1024)
        while true {
            let count = read(descriptor, &block, block.count)
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw PluginLoadError(.notAFile, plugin: path, message: "it cannot be read: \(SystemError.text()).")
            }
            block.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
        let found = hash.finalize().map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
        guard found == wanted else {
            throw PluginLoadError(
                .wrongDigest, plugin: path,
                message:
                    "its sha256 is \(found), where the configuration expects \(wanted). If the plugin was updated on "
                    + "purpose, put the new value into the configuration.")
        }
    }
}
