/// Why a request's body ended before its end.
public enum BodyError: Error, Sendable, Equatable {
    /// The connection was lost, or ended early, after `received` bytes of `expected` (nil when sent chunked).
    case truncated(received: Int64, expected: Int64?)

    /// No byte came for the configured time, or too few of them over it.
    case tooSlow

    /// Somebody called ``RequestBody/stop()``, the reading task was cancelled, or the server is shutting down.
    case cancelled

    /// The chunked coding is broken (RFC 9112, section 7.1).
    case malformed

    /// More than the `limit` bytes that ``RequestBody/collect(upTo:)`` was told to accept.
    case tooLarge(limit: Int)
}
