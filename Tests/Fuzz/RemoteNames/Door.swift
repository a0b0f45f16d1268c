/// What the fetcher takes for the name in a remote server's `Content-Disposition`.
public func remoteFileName(inContentDisposition field: [UInt8]) -> String? { ContentDisposition.fileName(field) }

/// A URL as the fetcher reads it.
public struct RemoteAddress {
    /// The longest text that is read.
    public static let longest = URLReference.longest

    private let url: RemoteURL

    private init(_ url: RemoteURL) { self.url = url }

    /// `nil` if it is refused.
    public init?(_ text: String) {
        guard let url = try? RemoteURL(text) else { return nil }
        self.init(url)
    }

    /// As it is requested.
    public var text: String { url.description }

    /// The host that is checked.
    public var host: String { url.host.description }

    /// Where a redirect leads; `nil` if it is refused.
    public func following(location: [UInt8]) -> RemoteAddress? {
        (try? url.resolving(location)).map(RemoteAddress.init)
    }
}
