import FPFormats

extension HTTPServer {
    /// Where the server listens, and the limits that it sets to clients.
    public struct Configuration: Sendable {
        /// Where to listen; at least one.
        public var addresses: [ListenAddress]

        /// The sockets that the service manager has opened, for addresses that name one.
        public var inherited = InheritedSockets.none

        /// Which pages of other origins may use the server; nil sends no CORS fields at all.
        public var cors: CORSPolicy?

        /// Proxies that are believed what they say of the client, and what they call a request in `X-Request-ID`.
        public var trustedProxies = TrustedProxies.none

        /// Where they say it.
        public var forwardingFields = ForwardingFields.xForwarded

        /// Proxies that begin each connection with a header of the PROXY protocol, which says whose it is. One of theirs
        /// without it is closed; of nobody else is one read.
        public var proxyProtocol = TrustedProxies.none

        /// The certificate and key for the addresses that speak TLS.
        public var tls: TLSIdentity.Files?

        /// Whether clients may choose HTTP/2 there.
        public var speaksHTTP2 = true

        /// How often it is looked whether these files have changed.
        public var certificateCheck: Duration = .seconds(60)

        /// Sizes that end a request or a connection.
        public var limits = Limits()

        /// Times that end a request or a connection.
        public var timeouts = Timeouts()

        /// Event loops; nil takes one per core.
        public var eventLoops: Int?

        /// A configuration with the given addresses and everything else at its default.
        public init(addresses: [ListenAddress]) {
            self.addresses = addresses
        }
    }

    /// Sizes, in bytes unless they say otherwise.
    public struct Limits: Sendable {
        /// The request target; longer is answered 414.
        public var target = 16 << 10

        /// All header fields, names and values; more is answered 431.
        public var headers = 64 << 10

        /// How many header fields; more is answered 431.
        public var headerCount = 200

        /// What one body reads ahead of its reader.
        public var readAhead = 1 << 20

        /// What all bodies together may hold before each of them is kept to 64 KiB of read-ahead.
        public var readAheadTotal = 64 << 20

        /// What is read of an unwanted body so that its connection stays usable; a connection with more to come closes.
        public var drain: Int64 = 256 << 10

        /// What is read and dropped after the answer on a closing connection, so that the answer is seen and not the
        /// reset that unread bytes would cause.
        public var linger: Int64 = 64 << 20

        /// Connections at a time; more wait in the kernel until one closes.
        public var connections = 8192

        /// Connections at a time from one address, of IPv6 from one /64; a further one is closed. 0 is no limit. Trusted
        /// proxies have none: theirs are many clients'.
        public var connectionsPerAddress = 0

        /// The slowest a body may come, in bytes per second of waiting for it, over `Timeouts.bodyIdle`.
        public var minimumBodyRate = 64

        /// The defaults.
        public init() {}
    }

    /// Times.
    public struct Timeouts: Sendable {
        /// From the first byte of a head, or from connecting, to its last.
        public var head: Duration = .seconds(30)

        /// A connection without a request.
        public var idle: Duration = .seconds(75)

        /// A body of which nothing comes although it is waited for.
        public var bodyIdle: Duration = .seconds(60)

        /// A response of which the client takes nothing.
        public var writeIdle: Duration = .seconds(60)

        /// An answer of which nothing goes out to a client that has closed its side. It may wait for it, or be gone:
        /// only sending would tell.
        public var halfClosed: Duration = .seconds(60)

        /// A closing connection whose client still sends.
        public var linger: Duration = .seconds(15)

        /// The defaults.
        public init() {}
    }
}
