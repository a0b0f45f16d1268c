import FPHTTP
import FPServer
import FPUploads
import HTTPTypes

extension HTTPField.Name {
    fileprivate static let waiting = HTTPField.Name(constant: "X-Waiting")
}

/// How many uploads wait to be stored: `GET /waiting`, for the application.
struct WaitingUploads: Mount {
    let uploads: Uploads

    var methods: [HTTPRequest.Method] { [.get, .head] }

    /// Pages of other origins may read this field.
    var exposedFields: [HTTPField.Name] { [.waiting] }

    /// Plain text; left out, problems are documents as RFC 9457 has them.
    var problems: ProblemForm {
        ProblemForm(type: "text/plain; charset=utf-8") { problem, _ in problem.sentence + "\n" }
    }

    /// The name that `permissions` would know it by; without rules there, it needs the application's scope.
    static let access = Access("GET_WAITING", isSafe: true)

    var accesses: [Access] { [Self.access] }

    func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: Self.access) { _ in try await respond(to: request) }
    }

    private func respond(to request: Request) async throws -> Response {
        guard methods.contains(request.method) else { throw Problem.wrongMethod(request.method, allow: methods) }
        var query = UploadQuery()
        query.states = [.complete]
        query.limit = 1000
        let count = try await uploads.uploads(matching: query).uploads.count
        var response = Response.text(.ok, "\(count)\n")
        response.headers[.waiting] = "\(count)"
        return response
    }

    /// The line of the table; that of a mount of fphost's own stands in Sources/FPServer/MountTable.swift.
    static let line = MountLine(at: .exactly("waiting")) { WaitingUploads(uploads: $0.uploads) }
}
