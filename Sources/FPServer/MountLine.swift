public import FPFetch
public import FPHTTP
public import FPUploads

/// One line of the table of what the host serves.
public struct MountLine: Sendable {
    /// The first segment of its path, which no base path may begin with; `nil` at the base path itself.
    let reservedName: String?
    private let place: @Sendable (MountPath) -> MountPath
    private let make: @Sendable (ServerParts) -> (any Mount)?

    /// What is at a path of its own.
    /// - Parameter make: Makes the mount; `nil` if the settings switch it off. Its path stays reserved even then.
    public init(at path: MountPath, _ make: @escaping @Sendable (ServerParts) -> (any Mount)?) {
        reservedName = path.segments.first
        place = { _ in path }
        self.make = make
    }

    /// What is at the base path and below it. Of several lines, the first whose mount takes a request answers it.
    public init(atBasePath make: @escaping @Sendable (ServerParts) -> (any Mount)?) {
        reservedName = nil
        place = { $0 }
        self.make = make
    }

    /// The line as the router wants it; `nil` if it is switched off.
    func route(_ parts: ServerParts) -> Route? {
        make(parts).map { Route(place(parts.settings.basePath.path), $0) }
    }
}

/// What mounts are made of.
public struct ServerParts: Sendable {
    /// What to serve, and where.
    public let settings: ServerSettings
    /// The uploads, recovered.
    public let uploads: Uploads
    /// Gets remote files; `nil` where that is switched off.
    public let fetcher: Fetcher?
}
