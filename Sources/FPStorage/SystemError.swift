import Glibc

/// What `errno` says, in words.
enum SystemError {
    static func text(_ code: Int32 = errno) -> String {
        guard let message = strerror(code) else { return "error \(code)" }
        return String(cString: message)
    }
}

/// Paths as the file system sees them.
enum PathResolution {
    /// The path without symbolic links, `nil` with `errno` set if it does not lead anywhere.
    static func real(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
