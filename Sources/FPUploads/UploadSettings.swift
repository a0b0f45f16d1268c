/// The settings of ``Uploads``, from `uploads` in fphost.yaml.
public struct UploadSettings: Sendable {
    /// The most bytes that one upload may hold, all of its files together.
    public var maxSize: UInt64 = 20 << 30
    /// How long a temporary upload lives without a sign of interest.
    public var expireAfter: Duration = .seconds(24 * 60 * 60)
    /// Whether an answer promises that its bytes survive a loss of power, not only a crash of the process.
    public var isPowerDurable = false
    /// What is computed of the bytes of each upload.
    public var digest = UploadDigest.sha256
    /// The most bytes of a client's metadata.
    public var maxMetadata = 64 << 10
    /// The most files in one upload: the main file and its variants.
    public var maxFiles = 32
    /// What one owner may have. Uploads without an owner have no such limits.
    public var perOwner = OwnerLimits()
    /// How many uploads may arrive at once from one address, of IPv6 from one /64; `nil` for any number.
    public var inProgressPerAddress: Int?
    /// The bytes that are to stay free in the staging store: no upload begins that would leave less. 0 for none.
    public var reserve: UInt64 = 0
    /// Which files are taken.
    public var types = TypeRules()
    /// The form field in which FilePond's default configuration sends files.
    public var field = "filepond"
    /// The time between two searches for what has expired.
    public var sweepEvery: Duration = .seconds(5 * 60)
    /// How long events stay on record when they are delivered or given up.
    public var keepEvents: Duration = .seconds(7 * 24 * 60 * 60)
    /// The most writers kept open between two chunks.
    public var openWriters = 256

    /// The defaults.
    public init() {}
}

/// The limits that a dialect checks before it reads a body.
public struct UploadLimits: Sendable {
    /// The most bytes that one upload may hold.
    public let maxSize: UInt64
    /// The most bytes of a client's metadata.
    public let maxMetadata: Int
    /// The most files in one upload.
    public let maxFiles: Int
    /// Which files are taken.
    public var types = TypeRules()
    /// The form field in which files come by default.
    public let field: String
}
