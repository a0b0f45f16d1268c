import FPFormats

/// Where a mount is: one address, or an address and everything below it.
public struct MountPath: Sendable, Equatable, CustomStringConvertible {
    /// The decoded segments: `["api", "v1"]` is `/api/v1`, `[""]` is `/`, and none are the root of all paths.
    public let segments: [String]
    private let includesBelow: Bool

    private init(_ segments: [String], includesBelow: Bool) {
        self.segments = segments
        self.includesBelow = includesBelow
    }

    /// This address and no other.
    public static func exactly(_ segments: String...) -> MountPath {
        MountPath(segments, includesBelow: false)
    }

    /// This address and every one below it.
    public static func below(_ segments: [String]) -> MountPath {
        MountPath(segments, includesBelow: true)
    }

    /// This address and every one below it.
    public static func below(_ segments: String...) -> MountPath {
        below(segments)
    }

    /// The segments of `path` that follow; `nil` if the path is not this mount's.
    public func rest(of path: [String]) -> ArraySlice<String>? {
        guard path.count >= segments.count, includesBelow || path.count == segments.count else { return nil }
        guard zip(segments, path).allSatisfy({ $0.isSame(as: $1) }) else { return nil }
        return path.dropFirst(segments.count)
    }

    /// The path with its first slash.
    public var description: String { "/" + segments.joined(separator: "/") }
}
