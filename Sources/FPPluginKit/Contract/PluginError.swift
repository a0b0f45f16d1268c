import FPPluginAPI
import Glibc

/// Why a call on a store failed: the one error type that a plugin throws.
///
/// The kit copies it into the host's error record. `code` decides what the host does (retry, answer the client, mark
/// the store as down); `message` is for the operator's log.
public struct PluginError: Error, Sendable {
    /// An `FP_E_*` status. Its class (value / 100) tells whether a retry can help.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The value that crosses the boundary.
        public let rawValue: Int32
        /// Wraps a status of the contract.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// A bad argument, a wrong offset or a size that does not match at commit.
        public static let invalid = Code(rawValue: FP_E_INVALID)
        /// Not offered; guarantees that nothing has changed.
        public static let unsupported = Code(rawValue: FP_E_UNSUPPORTED)
        /// No such object.
        public static let notFound = Code(rawValue: FP_E_NOT_FOUND)
        /// The key is taken.
        public static let exists = Code(rawValue: FP_E_EXISTS)
        /// `ifMatch` failed: the object was replaced meanwhile.
        public static let precondition = Code(rawValue: FP_E_PRECONDITION)
        /// The offset lies beyond the object or beyond what is durable.
        public static let range = Code(rawValue: FP_E_RANGE)
        /// The write token is unknown: discarded or expired.
        public static let gone = Code(rawValue: FP_E_GONE)
        /// Another live writer holds this session.
        public static let conflict = Code(rawValue: FP_E_CONFLICT)
        /// The back-end's policy forbids this key or operation.
        public static let denied = Code(rawValue: FP_E_DENIED)
        /// The object is larger than the back-end takes.
        public static let tooLarge = Code(rawValue: FP_E_TOO_LARGE)
        /// The disk is full or a quota is used up.
        public static let noSpace = Code(rawValue: FP_E_NO_SPACE)
        /// The staged bytes do not match the digest given.
        public static let checksum = Code(rawValue: FP_E_CHECKSUM)
        /// Network trouble, a 5xx answer, a lost connection: worth a retry.
        public static let transient = Code(rawValue: FP_E_TRANSIENT)
        /// The back-end asks for fewer requests; see `retryAfter`.
        public static let throttled = Code(rawValue: FP_E_THROTTLED)
        /// The call's deadline passed.
        public static let timeout = Code(rawValue: FP_E_TIMEOUT)
        /// The host cancelled the call.
        public static let cancelled = Code(rawValue: FP_E_CANCELLED)
        /// The configuration cannot work.
        public static let config = Code(rawValue: FP_E_CONFIG)
        /// Our credentials, or the back-end's identity, were rejected.
        public static let auth = Code(rawValue: FP_E_AUTH)
        /// Stored data cannot be read back as it was written.
        public static let corrupt = Code(rawValue: FP_E_CORRUPT)
        /// The back-end takes no writes at all. Where it refuses one key it is ``denied``.
        public static let readOnly = Code(rawValue: FP_E_READ_ONLY)
        /// A defect of the plugin.
        public static let internalError = Code(rawValue: FP_E_INTERNAL)
        /// No memory for a buffer.
        public static let noMemory = Code(rawValue: FP_E_NO_MEMORY)
    }

    /// What kind of failure it is.
    public var code: Code
    /// One line for the operator's log: what failed, on what, what to do. Without secrets.
    public var message: String
    /// The `errno` behind it; 0 if none.
    public var errno: Int32
    /// The back-end's own code (HTTP status, `SSH_FX_*`, `CURLE_*`); 0 if none.
    public var nativeCode: Int32
    /// The back-end's advice on when to come again.
    public var retryAfter: Duration?
    /// The effect may have happened all the same: the host asks before it tries again.
    public var outcomeUnknown: Bool
    /// The back-end's id of the request, for a support ticket.
    public var requestID: String?

    /// Describes a failure; only `code` and `message` are always needed.
    public init(
        _ code: Code, _ message: String, errno: Int32 = 0, nativeCode: Int32 = 0, retryAfter: Duration? = nil,
        outcomeUnknown: Bool = false, requestID: String? = nil
    ) {
        self.code = code
        self.message = message
        self.errno = errno
        self.nativeCode = nativeCode
        self.retryAfter = retryAfter
        self.outcomeUnknown = outcomeUnknown
        self.requestID = requestID
    }
}

extension PluginError {
    /// The system's own words for an `errno`, such as "No space left on device".
    public static func text(ofErrno number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        // The POSIX variant: it fills the buffer and returns a status.
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Copies the error into the host's record, within its size, and returns the status for the host.
    func report(to record: UnsafeMutablePointer<fp_error>?) -> fp_status {
        guard let record else { return code.rawValue }
        withHostStruct(record) { out in
            out.flags = outcomeUnknown ? FP_ERRF_OUTCOME_UNKNOWN : 0
            out.os_errno = errno
            out.native_code = nativeCode
            out.retry_after_ms = retryAfter.map(Self.milliseconds) ?? 0
            out.message.fill(line: message)
            out.request_id.fill(line: requestID ?? "")
        }
        return code.rawValue
    }

    /// At least 1, because 0 means "no advice"; at most what the field holds.
    private static func milliseconds(_ duration: Duration) -> UInt32 {
        let (seconds, attoseconds) = duration.components
        guard seconds >= 0, attoseconds >= 0 else { return 1 }
        guard seconds < 4_000_000 else { return 4_000_000_000 }
        let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        return UInt32(max(1, milliseconds))
    }
}
