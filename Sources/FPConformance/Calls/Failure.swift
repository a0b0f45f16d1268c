import FPPluginAPI

/// A call that returned another status than FP_OK.
struct Failure: Error, CustomStringConvertible {
    let slot: String
    let status: fp_status
    let message: String
    let retryAfterMilliseconds: UInt32
    let flags: UInt32

    var outcomeUnknown: Bool { flags & FP_ERRF_OUTCOME_UNKNOWN != 0 }

    var description: String {
        "\(slot) returned \(StatusName.of(status))" + (message.isEmpty ? "" : " (\"\(message)\")")
    }
}

/// The names that fp_plugin.h gives to status codes.
enum StatusName {
    static func of(_ status: fp_status) -> String {
        names[status] ?? "status \(status)"
    }

    static func of(_ statuses: [fp_status]) -> String {
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
