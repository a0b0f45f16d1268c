import FPFormats

extension Settings {
    /// `server`: sockets, paths and limits of HTTP.
    public struct Server: Sendable, Equatable {
        /// Header fields in which proxies name the client.
        public enum Forwarded: String, Sendable, CaseIterable {
            /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`.
            case xForwarded = "x-forwarded"
            /// `Forwarded` (RFC 7239).
            case rfc7239
        }

        /// The addresses to listen on; at least one.
        public var listen: [ListenAddress]
        /// The path of the FilePond endpoints: with a leading slash and without a trailing one; `/` for the root.
        public var basePath: String
        /// Whether `/` serves the demonstration page.
        public var demo: Bool
        /// The client files of the demonstration page.
        public var demoAssets: Location
        /// Which other origins' pages may use the server; nil for none.
        public var cors: CORS?
        /// How long a connection may take.
        public var timeouts: Timeouts
        /// Connections that are open at once.
        public var maxConnections: Int
        /// Connections of one address that are open at once; 0 for as many as there may be at all.
        public var maxConnectionsPerAddress: Int
        /// How much a request may be, and how slow.
        public var limits: Limits
        /// How many requests may come.
        public var rate: Rate
        /// The proxies that are believed what they say of the client.
        public var trustedProxies: [PeerRule]
        /// Where they say it.
        public var forwarded: Forwarded
        /// The proxies that begin each connection with a header of the PROXY protocol.
        public var proxyProtocol: [PeerRule]
        /// The certificate for the addresses that speak TLS; nil for none.
        public var tls: TLS?
        /// Whether load accepts the stored path as well as the id.
        public var loadByPath: Bool
    }

    /// `server.tls`: the certificate, as absolute paths of PEM files.
    public struct TLS: Sendable, Equatable {
        /// The certificate and its chain.
        public var certificate: String
        /// Its private key.
        public var key: String
        /// Whether clients may choose HTTP/2.
        public var http2: Bool
    }

    /// `server.cors`: which other origins' pages may use the server (Fetch standard, section 3.2).
    public struct CORS: Sendable, Equatable {
        /// The origins that may.
        public enum Origins: Sendable, Equatable {
            /// Every page.
            case any
            /// Exactly these, in the form in which browsers send `Origin`.
            case exactly([String])
        }

        /// The origins that may.
        public var origins: Origins
        /// Whether cookies and HTTP authentication may come along; never together with `.any`.
        public var credentials: Bool
        /// How long a browser may remember a preflight's answer.
        public var maxAge: Duration
    }

    /// `server.limits`: how much a request may be, and how slow.
    public struct Limits: Sendable, Equatable {
        /// All header fields, names and values, in bytes.
        public var head: Int64
        /// The slowest that a body may come, in bytes a second.
        public var minimumRate: Int64
    }

    /// `server.rate`: requests a second; 0 for as many as come.
    public struct Rate: Sendable, Equatable {
        /// From one address.
        public var perAddress: Int
        /// Of one owner.
        public var perOwner: Int
        /// How many may come at once.
        public var burst: Int
    }

    /// `server.timeouts`: how long a connection may take.
    public struct Timeouts: Sendable, Equatable {
        /// From a request's first byte to the end of its head.
        public var header: Duration
        /// Between two requests on one connection.
        public var idle: Duration
        /// Between two pieces of a body.
        public var bodyIdle: Duration
        /// Until a client takes something of its answer.
        public var writeIdle: Duration
        /// For requests to finish after the host was told to stop.
        public var shutdown: Duration
    }
}
