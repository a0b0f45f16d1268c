import FPFormats

/// A file that holds one secret: the target of a `file:` value.
public enum SecretFile {
    /// More bytes than a password, a token or a private key has.
    static let largest = 64 << 10

    /// Why a secret could not be read. The description never holds the content.
    public struct Failure: Error, Sendable, Equatable, CustomStringConvertible {
        /// Whether there is no file at all.
        public var isMissing: Bool
        /// What is wrong and what would be right, as a sentence that begins with the path.
        public var description: String
    }

    /// The content of a file without its trailing newline.
    ///
    /// - Parameter path: an absolute path.
    /// - Throws: ``Failure`` if the path is not a regular, readable file of at most 64 KiB of UTF-8 text without NUL, or
    ///   if it holds nothing.
    public static func read(_ path: String) throws(Failure) -> Secret {
        let content: FileAccess.Content
        do throws(FileAccess.Failure) {
            content = try FileAccess.read(path, limit: largest, regularOnly: true)
        } catch {
            throw failure(path, error)
        }
        guard let text = String(validating: content.bytes, as: UTF8.self), !content.bytes.contains(0) else {
            throw Failure(
                isMissing: false, description: "the secret file \(path) is not UTF-8 text; write the secret as text")
        }
        let value = text.utf8.last == UInt8(ascii: "\n") ? trimmed(text) : text
        guard !value.isEmpty else {
            throw Failure(isMissing: false, description: "the secret file \(path) is empty; write the secret into it")
        }
        return Secret(value)
    }

    /// A sentence about a secret file that others on this machine can read, or nil if there is no such fault.
    public static func exposure(of path: String) -> String? {
        guard let mode = FileAccess.mode(of: path), mode & 0o077 != 0 else { return nil }
        let who = mode & 0o007 != 0 ? "every user of this machine" : "its group"
        return "the secret file \(path) is open to \(who); run chmod 600 on it"
    }

    /// Without the last line's end, be it `\n` or `\r\n`.
    private static func trimmed(_ text: String) -> String {
        var scalars = text.unicodeScalars[...]
        scalars.removeLast()
        if scalars.last == "\r" {
            scalars.removeLast()
        }
        return String(scalars)
    }

    private static func failure(_ path: String, _ failure: FileAccess.Failure) -> Failure {
        switch failure {
        case .missing:
            Failure(
                isMissing: true, description: "the secret file \(path) does not exist; create it or correct the path")
        case .notAFile:
            Failure(isMissing: false, description: "the secret file \(path) is not a regular file; name a file")
        case .tooLarge:
            Failure(
                isMissing: false,
                description:
                    "the secret file \(path) is larger than \(Quantity.size.text(Int64(largest))); name the right file"
            )
        case .system(let reason):
            Failure(
                isMissing: false,
                description: "the secret file \(path) cannot be read (\(reason)); let the host's user read it"
            )
        }
    }
}
