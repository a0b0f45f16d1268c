import FPFetch
import FPHTTP
import FPUploads
import HTTPTypes

extension Problem {
    /// What a failure in the life of an upload is in HTTP.
    init(_ error: UploadError) {
        let (status, code): (HTTPResponse.Status, String) =
            switch error.kind {
            case .notFound: (.notFound, "not-found")
            case .invalid: (.badRequest, "invalid")
            case .offsetAhead: (.badRequest, "offset-ahead")
            case .conflict: (.conflict, "conflict")
            case .pathTaken: (.conflict, "path-taken")
            case .tooLarge: (.payloadTooLarge, "too-large")
            case .truncated: (.badRequest, "truncated")
            case .interrupted: (.conflict, "interrupted")
            case .tooSlow: (.requestTimeout, "too-slow")
            case .rangeNotSatisfiable: (.rangeNotSatisfiable, "range-not-satisfiable")
            case .noSpace: (.insufficientStorage, "no-space")
            case .unavailable: (.serviceUnavailable, "unavailable")
            case .timeout: (.gatewayTimeout, "timeout")
            case .badGateway: (.badGateway, "bad-gateway")
            case .unsupported: (.notImplemented, "unsupported")
            case .denied: (.forbidden, "denied")
            case .internalFault: (.internalServerError, "internal-fault")
            }
        self.init(status, error.message, code: code)
        detail = error.detail
        if let wait = error.retryAfter {
            let (seconds, attoseconds) = wait.components
            headers[.retryAfter] = String(max(1, seconds + (attoseconds > 0 ? 1 : 0)))
        }
    }

    /// What a failure to get a remote file is in HTTP.
    init(_ error: FetchError) {
        let reason = error.reason
        self.init(HTTPResponse.Status.numbered(reason.httpStatus), reason.message, code: "fetch-failed")
        detail = error.detail
        if status == .serviceUnavailable { headers[.retryAfter] = "1" }
    }

    /// What any error is in HTTP. One that nobody foresaw is told to the operator only.
    init(any error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as UploadError: self.init(error)
        case let error as FetchError: self.init(error)
        case let error as BodyError: self.init(error)
        default: self = .unforeseen(error)
        }
    }
}
