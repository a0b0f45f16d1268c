import FPPluginAPI

/// A call that returned another status than FP_OK, with what its error record says.
package struct Failure: Error, Equatable, CustomStringConvertible {
    /// The slot of the table that was called, as fp_plugin.h names it.
    package let slot: String
    package let status: fp_status
    /// One line for the operator's log; empty if there is none.
    package let message: String
    /// 0 if there is none.
    package let errno: Int32
    /// An HTTP status, SSH_FX_*, CURLE_* and the like; 0 if there is none.
    package let nativeCode: Int32
    /// 0 for no advice.
    package let retryAfterMilliseconds: UInt32
    /// FP_ERRF_*.
    package let flags: UInt32
    package let requestID: String

    package init(
        slot: String, status: fp_status, message: String = "", errno: Int32 = 0, nativeCode: Int32 = 0,
        retryAfterMilliseconds: UInt32 = 0, flags: UInt32 = 0, requestID: String = ""
    ) {
        self.slot = slot
        self.status = status
        self.message = message
        self.errno = errno
        self.nativeCode = nativeCode
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.flags = flags
        self.requestID = requestID
    }

    /// Whether the call may have had its effect although it failed.
    package var outcomeUnknown: Bool { flags & FP_ERRF_OUTCOME_UNKNOWN != 0 }

    package var description: String {
        "\(slot) returned \(StatusName.of(status))" + (message.isEmpty ? "" : " (\"\(message)\")")
    }
}

/// The names that fp_plugin.h gives to status codes.
package enum StatusName {
    package static func of(_ status: fp_status) -> String {
        names[status] ?? "status \(status)"
    }

    package static func of(_ statuses: [fp_status]) -> String {
        statuses.map { of($0) }.joined(separator: " or ")
    }

    private static let names: [fp_status: String] = [
        FP_OK: "FP_OK", FP_E_INVALID: "FP_E_INVALID", FP_E_UNSUPPORTED: "FP_E_UNSUPPORTED",
        FP_E_NOT_FOUND: "FP_E_NOT_FOUND", FP_E_EXISTS: "FP_E_EXISTS", FP_E_PRECONDITION: "FP_E_PRECONDITION",
        FP_E_RANGE: "FP_E_RANGE", FP_E_GONE: "FP_E_GONE", FP_E_CONFLICT: "FP_E_CONFLICT", FP_E_DENIED: "FP_E_DENIED",
        FP_E_TOO_LARGE: "FP_E_TOO_LARGE", FP_E_NO_SPACE: "FP_E_NO_SPACE", FP_E_CHECKSUM: "FP_E_CHECKSUM",
        FP_E_TRANSIENT: "FP_E_TRANSIENT", FP_E_THROTTLED: "FP_E_THROTTLED", FP_E_TIMEOUT: "FP_E_TIMEOUT",
        FP_E_CANCELLED: "FP_E_CANCELLED", FP_E_CONFIG: "FP_E_CONFIG", FP_E_AUTH: "FP_E_AUTH",
        FP_E_CORRUPT: "FP_E_CORRUPT", FP_E_READ_ONLY: "FP_E_READ_ONLY",
        FP_E_INTERNAL: "FP_E_INTERNAL", FP_E_NO_MEMORY: "FP_E_NO_MEMORY",
    ]

    static let known = Set(names.keys)
}
