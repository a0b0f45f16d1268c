import FPPluginAPI
import Glibc

/// Why a call on a store failed, in the terms of the plugin contract (`fp_status`), plus what the host itself adds.
///
/// The message is one line for the operator: it may name keys and hosts, never a secret. It is not meant for HTTP clients.
public struct StoreError: Error, Sendable {
    /// What went wrong, by the contract's own codes.
    public enum Code: Sendable, Equatable {
        /// A bad argument, a wrong offset, a size that does not match at commit.
        case invalid
        /// The store cannot do this; nothing has happened.
        case unsupported
        /// There is no such object.
        case notFound
        /// The key is taken.
        case exists
        /// The object is not the version that was asked for.
        case precondition
        /// The offset lies beyond the object, or beyond what is durable.
        case range
        /// The write token is unknown: discarded or expired.
        case gone
        /// Another live writer holds this session.
        case conflict
        /// The back-end's policy forbids this key or operation.
        case denied
        /// The object would be larger than the store takes.
        case tooLarge
        /// The disk or quota is full.
        case noSpace
        /// The staged bytes do not match the digest given.
        case checksum
        /// A passing failure: network, connection lost, a 5xx of the back-end.
        case transient
        /// The back-end asks to slow down; see ``StoreError/retryAfter``.
        case throttled
        /// The deadline passed.
        case timeout
        /// The caller's task was cancelled.
        case cancelled
        /// The store's configuration is at fault.
        case config
        /// The back-end rejects our credentials or its host key is not the known one.
        case auth
        /// Stored bytes failed verification.
        case corrupt
        /// The back-end takes no writes at all.
        case readOnly
        /// The plugin broke its contract or reported a defect of its own.
        case internalError
        /// The plugin could not get memory.
        case noMemory
        /// The host refused before it did anything: the store is down, shutting down, or its queue is full.
        case unavailable
        /// A status that this host does not know; its class is the code divided by 100.
        case other(Int32)
    }

    /// What went wrong.
    public var code: Code
    /// The store's name in the configuration.
    public var store: String
    /// What was being done: `stat`, `write_commit`, ...
    public var operation: String
    /// One line for the operator's log, with secrets masked.
    public var message: String
    /// The `errno` behind it, 0 if none.
    public var osErrno: Int32
    /// The back-end's own code (an HTTP status, `SSH_FX_*`, `CURLE_*`), 0 if none.
    public var nativeCode: Int32
    /// How long to wait before another try, if anybody knows.
    public var retryAfter: Duration?
    /// True if the effect may or may not have happened: ask the store before trying again.
    public var outcomeUnknown: Bool
    /// The back-end's id of the request, for its support desk.
    public var requestID: String?

    /// Makes an error; all but the first three have the values of "nothing known".
    public init(
        _ code: Code,
        store: String,
        operation: String,
        message: String,
        osErrno: Int32 = 0,
        nativeCode: Int32 = 0,
        retryAfter: Duration? = nil,
        outcomeUnknown: Bool = false,
        requestID: String? = nil
    ) {
        self.code = code
        self.store = store
        self.operation = operation
        self.message = message
        self.osErrno = osErrno
        self.nativeCode = nativeCode
        self.retryAfter = retryAfter
        self.outcomeUnknown = outcomeUnknown
        self.requestID = requestID
    }

    /// Whether this host was short of descriptors or memory: no fault of the store's.
    public var isHostExhausted: Bool {
        osErrno == EMFILE || osErrno == ENFILE || osErrno == ENOMEM || code == .noMemory
    }

    /// Whether the same call can succeed later. It says nothing of what has happened already: see ``outcomeUnknown``.
    public var isRetryable: Bool {
        switch code {
        case .transient, .throttled, .timeout, .unavailable, .noMemory: true
        case .other(let status): status / 100 == 2
        default: false
        }
    }
}

extension StoreError: CustomStringConvertible {
    /// The error as one line of an operator's log.
    public var description: String {
        var line = "store \(store): \(operation): \(message) (\(code)"
        if osErrno != 0 { line += ", errno \(osErrno)" }
        if nativeCode != 0 { line += ", code \(nativeCode)" }
        if let requestID { line += ", request \(requestID)" }
        if outcomeUnknown { line += ", outcome unknown" }
        return line + ")"
    }
}

extension StoreError.Code {
    /// The code of a status that a plugin returned. `FP_OK` is not an error and becomes `.internalError`.
    public init(status: Int32) {
        switch status {
        case FP_E_INVALID: self = .invalid
        case FP_E_UNSUPPORTED: self = .unsupported
        case FP_E_NOT_FOUND: self = .notFound
        case FP_E_EXISTS: self = .exists
        case FP_E_PRECONDITION: self = .precondition
        case FP_E_RANGE: self = .range
        case FP_E_GONE: self = .gone
        case FP_E_CONFLICT: self = .conflict
        case FP_E_DENIED: self = .denied
        case FP_E_TOO_LARGE: self = .tooLarge
        case FP_E_NO_SPACE: self = .noSpace
        case FP_E_CHECKSUM: self = .checksum
        case FP_E_TRANSIENT: self = .transient
        case FP_E_THROTTLED: self = .throttled
        case FP_E_TIMEOUT: self = .timeout
        case FP_E_CANCELLED: self = .cancelled
        case FP_E_CONFIG: self = .config
        case FP_E_AUTH: self = .auth
        case FP_E_CORRUPT: self = .corrupt
        case FP_E_READ_ONLY: self = .readOnly
        case FP_E_INTERNAL, FP_OK: self = .internalError
        case FP_E_NO_MEMORY: self = .noMemory
        default: self = .other(status)
        }
    }
}
