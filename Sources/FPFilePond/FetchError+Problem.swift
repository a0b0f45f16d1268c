public import FPFetch
public import FPHTTP
import HTTPTypes

extension FetchError: ProblemConvertible {
    /// The HTTP problem for a failure to get a remote file.
    public var problem: Problem {
        var problem = Problem(
            HTTPResponse.Status.numbered(reason.httpStatus), reason.message, code: "fetch-failed")
        problem.detail = detail
        if problem.status == .serviceUnavailable { problem.headers[.retryAfter] = "1" }
        return problem
    }
}
