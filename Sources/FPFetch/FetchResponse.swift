import NIOCore

/// A remote file whose first bytes have arrived and whose other ones are on their way.
public struct FetchResponse: Sendable {
    /// The URL that the file came from, after all redirects. Its query may hold secrets.
    public let finalURL: String

    /// 200 or 203 (RFC 9110 section 15.3).
    public let status: Int

    /// The remote server's `Content-Type`, which it may have made up; nil if it sent none that is printable ASCII.
    public let contentType: String?

    /// The announced length in bytes, at most `FetchLimits.maxSize`; nil if it is not known in advance.
    public let contentLength: UInt64?

    /// A name for the file: from `Content-Disposition` (RFC 6266), else the last segment of the final URL's path.
    ///
    /// It has no path separators, no control characters and no more than 255 bytes of UTF-8, and is neither `.`
    /// nor `..`. Nil if there is none.
    public let fileName: String?

    /// The bytes. Dropping it, or its iterator, aborts the transfer.
    public let body: FetchBody

    /// What is known before the body.
    struct Head: Sendable {
        let finalURL: String
        let status: Int
        let contentType: String?
        let contentLength: UInt64?
        let fileName: String?
    }

    init(_ head: Head, body: FetchBody) {
        finalURL = head.finalURL
        status = head.status
        contentType = head.contentType
        contentLength = head.contentLength
        fileName = head.fileName
        self.body = body
    }
}

/// The bytes of a remote file, as they arrive.
///
/// It can be iterated once. The remote server is held back while the consumer takes its time: at most
/// `FetchLimits.bufferedBytes` are kept. The sequence ends normally only when the whole file has arrived; otherwise
/// it throws `.incomplete`, `.tooLarge`, `.damaged`, `.timedOut`, `.cancelled` or `.shutDown`.
public struct FetchBody: AsyncSequence, Sendable {
    /// A piece of the file, never empty.
    public typealias Element = ByteBuffer
    /// Why the rest of the file will not come.
    public typealias Failure = FetchError

    private let lease: Lease

    init(_ exchange: Exchange) {
        lease = Lease(exchange)
    }

    /// Starts taking bytes. It is a programming error to call it twice.
    public func makeAsyncIterator() -> Iterator {
        Iterator(exchange: lease.handOver())
    }

    /// Takes the bytes of one body.
    public struct Iterator: AsyncIteratorProtocol {
        private let lease: Lease

        fileprivate init(exchange: Exchange) {
            lease = Lease(exchange)
        }

        /// The next piece, or nil after the last.
        ///
        /// - Throws: `FetchError`, also after some of the file has been given out.
        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(FetchError) -> ByteBuffer? {
            try await lease.exchange.next(isolation: actor).get()
        }

        /// As `next(isolation:)`.
        public mutating func next() async throws(FetchError) -> ByteBuffer? {
            try await next(isolation: nil)
        }
    }
}

/// Aborts a transfer when nobody is left to take its bytes.
private final class Lease: Sendable {
    let exchange: Exchange
    private let isHandedOver = Flag()

    init(_ exchange: Exchange) {
        self.exchange = exchange
    }

    func handOver() -> Exchange {
        precondition(isHandedOver.raise(), "the body of a fetch can be iterated once")
        return exchange
    }

    deinit {
        if !isHandedOver.isRaised { exchange.cancel() }
    }
}
