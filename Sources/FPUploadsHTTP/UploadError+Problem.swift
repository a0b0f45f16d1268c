public import FPHTTP
public import FPUploads
import HTTPTypes

extension UploadError: ProblemConvertible {
    /// The HTTP problem for a failure of an upload.
    public var problem: Problem {
        let (status, code): (HTTPResponse.Status, String) =
            switch kind {
            case .notFound: (.notFound, "not-found")
            case .invalid: (.badRequest, "invalid")
            case .offsetAhead: (.badRequest, "offset-ahead")
            case .conflict: (.conflict, "conflict")
            case .pathTaken: (.conflict, "path-taken")
            case .tooLarge: (.payloadTooLarge, "too-large")
            case .overQuota: (.payloadTooLarge, "quota-exceeded")
            case .tooManyAtOnce: (.tooManyRequests, "too-many-uploads")
            case .unsupportedType: (.unsupportedMediaType, "type-not-allowed")
            case .usedUp: (.forbidden, "used-up")
            case .truncated: (.badRequest, "truncated")
            case .digestMismatch: (.badRequest, "digest-mismatch")
            case .interrupted: (.conflict, "interrupted")
            case .tooSlow: (.requestTimeout, "too-slow")
            case .rangeNotSatisfiable: (.rangeNotSatisfiable, "range-not-satisfiable")
            case .noSpace: (.insufficientStorage, "no-space")
            case .unavailable: (.serviceUnavailable, "unavailable")
            case .timeout: (.gatewayTimeout, "timeout")
            case .badGateway: (.badGateway, "bad-gateway")
            case .unsupported: (.notImplemented, "unsupported")
            case .foreign: (.forbidden, "foreign")
            case .denied: (.forbidden, "denied")
            case .internalFault: (.internalServerError, "internal-fault")
            }
        var problem = Problem(status, message, code: code)
        problem.detail = detail
        if let wait = retryAfter {
            let (seconds, attoseconds) = wait.components
            problem.headers[.retryAfter] = String(max(1, seconds + (attoseconds > 0 ? 1 : 0)))
        }
        return problem
    }
}
