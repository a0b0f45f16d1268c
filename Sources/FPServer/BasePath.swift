import FPFormats
import FPHTTP

/// Where the dialects of uploads live: FilePond's `server` option.
public struct BasePath: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no base path.
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        /// A sentence that says what would be right.
        public let description: String
    }

    /// The base path and everything below it.
    let path: MountPath

    /// Reads a path such as `/fp`; a final slash means nothing.
    /// - Parameter others: What is served beside the host's own mounts.
    /// - Throws: If it does not start with a slash, needs escaping in a URL, or begins with the name of another mount.
    public init(_ text: String, beside others: [MountLine] = []) throws(Invalid) {
        guard text.begins(with: "/") else { throw Invalid(description: "a base path starts with a slash, such as /fp") }
        let parts = text.parts(at: "/").filter { !$0.isEmpty }.map(String.init)
        let canonical = "/" + parts.joined(separator: "/")
        guard text == canonical || text == canonical + "/" && !parts.isEmpty else {
            throw Invalid(description: "a base path has no empty part: write \(canonical)")
        }
        for part in parts {
            let isPlain = part.unicodeScalars.allSatisfy {
                ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                    || "-._~".unicodeScalars.contains($0)
            }
            guard isPlain, part != ".", part != ".." else {
                throw Invalid(description: "a base path is made of letters, digits, \"-\", \".\", \"_\" and \"~\"")
            }
        }
        if let first = parts.first, (MountTable.lines + others).contains(where: { $0.reservedName == first }) {
            throw Invalid(description: "/\(first) is an address of the host's own; choose another base path")
        }
        path = .below(parts)
    }

    /// The path, without a final slash unless it is `/` itself.
    public var description: String { path.description }
}
