import Glibc

/// A file that holds one bearer token, made at the first start.
public struct TokenFile: Sendable {
    /// The shortest token accepted from a file, in characters: 96 bits if it is random base64.
    public static let minimumLength = 16

    static let maximumLength = 4096

    /// The token.
    public let token: String
    /// Whether this call made the file.
    public let isNew: Bool
    /// Whether any user of the machine can read the file: worth a warning in the operator's log.
    public let isReadableByOthers: Bool

    /// Reads the token at `path`, or makes one of 32 random bytes if there is no file.
    ///
    /// The file gets mode 0600, directories that are missing 0700. Of two processes that start at once both get the
    /// same token: a file appears under its name whole or not at all, and is never replaced.
    /// - Throws: ``TokenFileError`` if the file cannot be read or made, anybody may change it, or what it holds is no
    ///   token.
    public static func load(at path: String) throws(TokenFileError) -> TokenFile {
        if let found = try read(path) { return found }
        try makeDirectories(above: path)
        if try create(path, token: random()) {
            guard let made = try read(path) else { throw TokenFileError(path, "disappeared while it was being made") }
            return TokenFile(token: made.token, isNew: true, isReadableByOthers: made.isReadableByOthers)
        }
        guard let theirs = try read(path) else { throw TokenFileError(path, "disappeared while it was being read") }
        return theirs
    }

    /// Reads the token at `path`; `nil` if there is no file. Makes nothing.
    /// - Throws: ``TokenFileError`` as ``load(at:)`` does for a file that exists.
    public static func existing(at path: String) throws(TokenFileError) -> TokenFile? {
        try read(path)
    }

    /// Looks whether ``load(at:)`` would succeed. Makes nothing.
    /// - Throws: ``TokenFileError`` as ``load(at:)`` does.
    public static func examine(_ path: String) throws(TokenFileError) {
        guard try read(path) == nil else { return }
        var status = stat()
        guard lstat(path, &status) != 0 else { throw TokenFileError(path, "is a symbolic link to nothing") }
        var directory = parent(of: path)
        while stat(directory, &status) != 0 {
            guard errno == ENOENT, directory != "/", directory != "." else {
                throw TokenFileError(path, "cannot be made", errno)
            }
            directory = parent(of: directory)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw TokenFileError(path, "cannot be made", ENOTDIR) }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw TokenFileError(path, "cannot be made in \(directory)", errno)
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// 32 bytes of the system's generator in base64url without padding (RFC 4648, section 5).
    static func random() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var generator = SystemRandomNumberGenerator()
        var letters: [UInt8] = []
        // 256 bits are 42 letters of 6 bits and one of 4.
        for _ in 0..<42 { letters.append(alphabet[Int(generator.next(upperBound: UInt(64)))]) }
        letters.append(alphabet[Int(generator.next(upperBound: UInt(16))) << 2])
        return String(decoding: letters, as: UTF8.self)
    }

    private static func read(_ path: String) throws(TokenFileError) -> TokenFile? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw TokenFileError(path, "cannot be read", errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw TokenFileError(path, "cannot be read", errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw TokenFileError(path, "is not a regular file") }
        guard status.st_mode & S_IWOTH == 0 else {
            throw TokenFileError(path, "may be changed by any user of this machine; run: chmod 600 \(path)")
        }
        guard status.st_size <= maximumLength else { throw TokenFileError(path, "is too large to be a token") }
        let token = try contents(of: descriptor, path: path)
        guard token.count >= minimumLength else {
            throw TokenFileError(
                path,
                "holds a token of \(token.count) characters, fewer than \(minimumLength); "
                    + "remove the file to have a new one made")
        }
        guard token.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TokenFileError(path, "holds more than one word of printable ASCII; a token file holds only the token")
        }
        return TokenFile(
            token: String(decoding: token, as: UTF8.self), isNew: false,
            isReadableByOthers: status.st_mode & S_IROTH != 0)
    }

    /// The file's bytes without the white space around them.
    private static func contents(of descriptor: Int32, path: String) throws(TokenFileError) -> ArraySlice<UInt8> {
        var bytes = [UInt8](repeating: 0, count: maximumLength)
        var count = 0
        while count < bytes.count {
            let offset = count
            let read = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress! + offset, buffer.count - offset)
            }
            if read < 0 && errno == EINTR { continue }
            guard read >= 0 else { throw TokenFileError(path, "cannot be read", errno) }
            if read == 0 { break }
            count += read
        }
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var text = bytes[..<count].drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return text
    }

    /// - Returns: `false` if another process was faster.
    private static func create(_ path: String, token: String) throws(TokenFileError) -> Bool {
        let draft = "\(path).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw TokenFileError(path, "cannot be made", errno) }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let text = Array((token + "\n").utf8)
        // The mode of open(2) is cut by the umask; an umask of 0777 must not make a file that nobody can read.
        guard fchmod(descriptor, 0o600) == 0, write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0
        else { throw TokenFileError(path, "cannot be written", errno) }
        // A hard link, as rename would replace the file of a process that started at the same moment.
        if link(draft, path) == 0 { return true }
        if errno == EEXIST { return false }
        throw TokenFileError(path, "cannot be made", errno)
    }

    static func makeDirectories(above path: String) throws(TokenFileError) {
        var end = path.startIndex
        while let slash = path.utf8[end...].dropFirst().firstIndex(of: UInt8(ascii: "/")) {
            end = slash
            let directory = String(path[..<slash])
            if mkdir(directory, 0o700) != 0 && errno != EEXIST && errno != EISDIR && errno != EROFS {
                throw TokenFileError(directory, "cannot be made", errno)
            }
        }
    }
}

/// Why a token file cannot be used. For the operator only, as it names the path.
public struct TokenFileError: Error, CustomStringConvertible {
    /// The file or directory.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    init(_ path: String, _ reason: String, _ code: Int32? = nil) {
        self.path = path
        self.reason = code.map { "\(reason): \(String(cString: strerror($0)))" } ?? reason
    }

    /// One sentence with the path and the reason.
    public var description: String { "The token file \(path) \(reason)." }
}
