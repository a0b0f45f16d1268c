import FPFormats
import FPHTTP

/// Where the upload dialects are served: FilePond's `server` option.
public struct BasePath: Sendable, Equatable, CustomStringConvertible {
    /// Why a text is no base path.
    public struct Invalid: Error, Equatable, CustomStringConvertible {
        /// A sentence that says what would be right.
        public let description: String
    }

    /// The base path and everything below it.
    let path: MountPath

    /// Reads a path such as `/fp`, as ``BasePathSyntax`` does.
    /// - Parameter others: What is served beside the host's own mounts.
    /// - Throws: If it needs escaping in a URL, has an empty part, or begins with the name of another mount.
    public init(_ text: String, beside others: [MountLine] = []) throws(Invalid) {
        let parts: [String]
        do {
            parts = try BasePathSyntax.segments(of: text).get()
        } catch {
            throw Invalid(description: "the base path \(error.text)")
        }
        if let first = parts.first, (MountTable.lines + others).contains(where: { $0.reservedName == first }) {
            throw Invalid(description: "/\(first) is an address of the host's own; choose another base path")
        }
        path = .below(parts)
    }

    /// The path, without a final slash unless it is `/` itself.
    public var description: String { path.description }
}
