import Glibc

/// The file of bearer tokens, for whoever changes it. A running host sees the change within a second.
public struct TokenTableFile: Sendable {
    /// Where it is.
    public let path: String

    /// The file at that path, which need not exist.
    public init(_ path: String) {
        self.path = path
    }

    /// What is in it; nothing if there is no file. Makes nothing.
    /// - Throws: ``AccessFileError`` if it cannot be read, anybody may change it, or a line is no token's.
    public func table() throws(AccessFileError) -> TokenTable {
        guard let found = try GuardedFile.read(path, limit: TokenTable.largest) else { return TokenTable() }
        return try TokenTable(found.bytes, path: path)
    }

    /// Makes a token, and the file if there is none.
    /// - Parameter record: What is to be kept of it.
    /// - Throws: ``AccessFileError`` as ``table()`` does, and if the file cannot be written; an error of `record`.
    public func add(_ record: (AccessToken) throws -> TokenRecord) throws -> AccessToken {
        try change { table in
            while true {
                let token = AccessToken.random()
                // An id that is taken is as rare as it looks, and two tokens with one would be a lottery.
                if table.add(try record(token)) { return token }
            }
        }
    }

    /// Removes the token of that id, so that nobody gets in with it any more.
    /// - Returns: What it was; `nil` if there is none.
    /// - Throws: ``AccessFileError`` as ``table()`` does, and if the file cannot be written.
    public func revoke(_ id: String) throws -> TokenRecord? {
        try change { table in table.remove(id) }
    }

    /// One at a time, whole or not at all: a lock beside the file, and a new file in the place of the old one.
    private func change<Value>(_ body: (inout TokenTable) throws -> Value) throws -> Value {
        // Where the path is a link, it is the file behind it that is replaced.
        let target = realpath(path, nil).map { text in
            defer { free(text) }
            return String(cString: text)
        }
        let file = TokenTableFile(target ?? path)
        try file.makeDirectories()
        let lock = try file.lock()
        defer { close(lock) }
        var table = try file.table()
        let value = try body(&table)
        let bytes = table.bytes
        guard bytes.count <= TokenTable.largest else {
            throw AccessFileError(
                file.path, "would have more than \(TokenTable.largest) bytes; revoke old tokens first")
        }
        try file.replace(bytes)
        return value
    }

    private func makeDirectories() throws(AccessFileError) {
        do throws(TokenFileError) {
            try TokenFile.makeDirectories(above: path)
        } catch {
            throw AccessFileError(path, "cannot be made: \(error.path) \(error.reason)")
        }
    }

    /// The lock is a file of its own, because the file itself is another one after each change.
    private func lock() throws(AccessFileError) -> Int32 {
        let lock = path + ".lock"
        // Only what is made here is given away: behind the name may be another user's link to a file of root's.
        var descriptor = open(lock, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor >= 0 {
            giveToOwner(descriptor)
        } else if errno == EEXIST {
            descriptor = open(lock, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        }
        guard descriptor >= 0 else { throw GuardedFile.failure(lock, "cannot be opened") }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else {
                defer { close(descriptor) }
                throw GuardedFile.failure(lock, "cannot be locked")
            }
        }
        return descriptor
    }

    private func replace(_ bytes: [UInt8]) throws(AccessFileError) {
        let draft = "\(path).\(UInt64.random(in: .min ... .max))"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw GuardedFile.failure(draft, "cannot be made") }
        var isWhole = false
        defer {
            close(descriptor)
            if !isWhole { unlink(draft) }
        }
        // A group that could read the file goes on to: the host may be in it.
        var status = stat()
        let mode = 0o600 | (stat(path, &status) == 0 ? status.st_mode & 0o040 : 0)
        // The mode of open(2) is cut by the umask.
        guard fchmod(descriptor, mode) == 0 else { throw GuardedFile.failure(draft, "cannot be made") }
        giveToOwner(descriptor)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw GuardedFile.failure(draft, "cannot be written") }
            written += count
        }
        guard fsync(descriptor) == 0, rename(draft, path) == 0 else {
            throw GuardedFile.failure(path, "cannot be replaced")
        }
        isWhole = true
        syncDirectory()
    }

    /// A revocation must not come undone with the power.
    private func syncDirectory() {
        let descriptor = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// What root makes is to be the host's: its user is the one whose file or directory this is.
    private func giveToOwner(_ descriptor: Int32) {
        guard geteuid() == 0 else { return }
        var status = stat()
        guard stat(path, &status) == 0 || stat(directory, &status) == 0 else { return }
        _ = fchown(descriptor, status.st_uid, status.st_gid)
    }

    private var directory: String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
