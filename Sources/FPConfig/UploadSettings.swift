import FPFormats

extension Settings {
    /// `uploads`: the life of uploads.
    public struct Uploads: Sendable, Equatable {
        /// What an acknowledged byte survives.
        public enum Durability: String, Sendable, CaseIterable {
            /// A crash of the process.
            case process
            /// A loss of power as well.
            case power
        }

        /// What is computed of every file while it arrives.
        public enum Digest: String, Sendable, CaseIterable {
            /// SHA-256, and CRC-64/NVME with it.
            case sha256
            /// CRC-64/NVME alone.
            case crc64nvme
        }

        /// The name of the store that temporary uploads are written to; always one of `stores`.
        public var staging: String
        /// The largest upload, in bytes.
        public var maxSize: Int64
        /// How long an upload that no application claims stays after it was last touched.
        public var expireAfter: Duration
        /// What an acknowledged byte survives.
        public var durability: Durability
        /// What is computed of every file while it arrives.
        public var digest: Digest
        /// The largest metadata that FilePond may send along, in bytes.
        public var maxMetadata: Int64
        /// Files of one upload: the main file and its variants.
        public var maxFiles: Int
        /// What one owner may have.
        public var perOwner: PerOwner
        /// What one address may do.
        public var perAddress: PerAddress
        /// The bytes that are to stay free in the staging store; 0 for none.
        public var reserve: Int64
        /// What is taken; empty: everything.
        public var allowedTypes: [TypePattern]
        /// What is not taken, even if it is allowed.
        public var forbiddenTypes: [TypePattern]
        /// The form field that holds the upload, unless the request names another.
        public var field: String
        /// How often expired uploads are looked for.
        public var sweepEvery: Duration
    }

    /// `uploads.per_owner`: what one owner may have; `nil` is no limit.
    public struct PerOwner: Sendable, Equatable {
        /// Bytes of all uploads together.
        public var bytes: Int64?
        /// Uploads.
        public var count: Int?
        /// Uploads that are being sent.
        public var inProgress: Int?
    }

    /// `uploads.per_address`: what one address may do; `nil` is no limit.
    public struct PerAddress: Sendable, Equatable {
        /// Uploads that are being sent.
        public var inProgress: Int?
    }

    /// `fetch`: uploads that the server gets from a URL.
    public struct Fetch: Sendable, Equatable {
        /// Whether there is remote fetch at all.
        public var enabled: Bool
        /// The largest file, in bytes; at most `uploads.max_size`.
        public var maxSize: Int64
        /// How long the whole transfer may take.
        public var timeout: Duration
        /// How long name lookup, connecting and TLS handshake may take together; at most `timeout`.
        public var connectTimeout: Duration
        /// Redirects that are followed.
        public var maxRedirects: Int
        /// The slowest acceptable transfer, in bytes per second.
        public var minimumRate: Int64
        /// The schemes that a URL may have.
        public var schemes: [WebScheme]
        /// The only ports that may be connected to; nil for those of the web, and any on the hosts of `allow`.
        public var ports: [PortRange]?
        /// The only hosts that may be fetched from; nil for all.
        public var hosts: [HostRule]?
        /// What is never fetched from.
        public var deny: [HostRule]
        /// What may be fetched although it is on a private network.
        public var allow: [HostRule]
        /// Transfers at once.
        public var concurrency: Int
    }
}
