public import Logging

/// What belongs to one request wherever its work takes it: each log line about it and each store call made for it
/// carry its id.
///
/// The server sets ``current`` around its handler. Child tasks and `Task { }` inherit it; a thread of one's own does not,
/// so whoever hands work to another thread captures the context and sets it there again.
public struct RequestContext: Sendable, Equatable {
    /// The request's id: unique within this process, or a trusted proxy's `X-Request-ID`.
    public let id: String

    /// The request that the current task, or thread, works for; `nil` for work of the host's own.
    @TaskLocal public static var current: RequestContext?

    /// The name of the id in log lines.
    public static let metadataKey = "request_id"

    /// The context of the request with that id.
    public init(id: String) {
        self.id = id
    }
}

extension Logger.MetadataProvider {
    /// The id of the request that the line is about, as ``RequestContext/metadataKey``.
    public static let requestContext = Logger.MetadataProvider {
        guard let context = RequestContext.current else { return [:] }
        return [RequestContext.metadataKey: .string(context.id)]
    }
}
