/// Why a remote file could not be had.
///
/// `reason` and its `message` are for the client: they name no address, port or resolver, so that they cannot be
/// used to look around in the network of the host. `detail` is for the operator's log and must not leave the host.
public struct FetchError: Error, Sendable {
    /// What a client may know.
    public enum Reason: Sendable, Hashable {
        /// Not an absolute http or https URL, or one with a user name and password.
        case invalidURL
        /// The URL, or a redirect, leads to where ``FetchRules`` do not let it.
        case notAllowed
        /// The remote server has no such file (it answered 404 or 410).
        case notFound
        /// The remote server answered with another status than 200 or 203.
        case upstreamStatus(Int)
        /// The name could not be resolved, or no connection (TLS included) could be made or kept until an answer.
        case unreachable
        /// The remote server redirects too often, to nowhere, to no http or https URL, or from https to http.
        case badRedirect
        /// The remote server's answer is not the HTTP that a file comes in.
        case badResponse
        /// The file is a web page, and the URL does not say that one is wanted.
        case html
        /// The file is, or announces to be, larger than `FetchLimits.maxSize`, compressed or not.
        case tooLarge
        /// The remote server sends the file in a coding that is not undone: other than gzip or deflate, or twice.
        case unsupportedEncoding
        /// The remote server compressed the file, and what it sends is not what it says.
        case damaged
        /// The body ended before the length that it announced, in the middle of a chunk, or before its compressed form does.
        case incomplete
        /// `FetchLimits.timeout` passed, or the transfer was slower than `FetchLimits.minimumSpeed`.
        case timedOut
        /// All transfers that `FetchLimits` admits are taken, and no place came free.
        case busy
        /// The task that waited was cancelled.
        case cancelled
        /// The fetcher was shut down.
        case shutDown
    }

    /// What a client may know.
    public let reason: Reason

    /// What happened, with names and addresses, for the operator's log.
    public let detail: String

    /// An error of a kind, with what an operator needs to understand it.
    public init(_ reason: Reason, detail: String) {
        self.reason = reason
        self.detail = detail
    }
}

extension FetchError.Reason {
    /// One sentence for a client.
    public var message: String {
        switch self {
        case .invalidURL:
            "The URL is not valid: only http:// and https:// URLs without a user name and password can be fetched."
        case .notAllowed: "The URL is not one that this server may fetch from."
        case .notFound: "The remote file was not found."
        case .upstreamStatus(let status): "The remote server answered with status \(status) instead of the file."
        case .unreachable: "The remote server could not be reached."
        case .badRedirect: "The remote server redirects in a way that cannot be followed."
        case .badResponse: "The remote server's answer could not be understood."
        case .html: "The URL leads to a web page, not to a file."
        case .tooLarge: "The remote file is larger than this server accepts."
        case .unsupportedEncoding: "The remote server sends the file in a form that this server does not read."
        case .damaged: "The remote server sends the file in a compressed form that is damaged."
        case .incomplete: "The remote server closed the connection before the whole file had arrived."
        case .timedOut: "The remote server took too long."
        case .busy: "Too many remote files are being fetched at the moment; try again shortly."
        case .cancelled: "The fetch was cancelled."
        case .shutDown: "This server is stopping; try again shortly."
        }
    }

    /// The HTTP status that says the same (RFC 9110 section 15).
    public var httpStatus: Int {
        switch self {
        case .invalidURL, .html: 400
        case .notAllowed: 403
        case .notFound: 404
        case .tooLarge: 413
        case .upstreamStatus, .unreachable, .badRedirect, .badResponse, .unsupportedEncoding, .damaged, .incomplete:
            502
        case .busy, .cancelled, .shutDown: 503
        case .timedOut: 504
        }
    }
}

extension FetchError: CustomStringConvertible {
    /// For logs: the detail included.
    public var description: String { "\(reason): \(detail)" }
}
