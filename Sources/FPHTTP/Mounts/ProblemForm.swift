import FPFormats
import NIOCore

/// How a mount words a problem for its clients. The status and the fields that go with it are the problem's in every
/// form.
public struct ProblemForm: Sendable {
    private let type: String
    private let text: @Sendable (Problem, String) -> String

    /// A form of one's own.
    /// - Parameters:
    ///   - type: The media type of the body.
    ///   - text: Makes the body from the problem and the id of the request.
    public init(type: String, text: @escaping @Sendable (_ problem: Problem, _ requestID: String) -> String) {
        self.type = type
        self.text = text
    }

    /// A problem document (RFC 9457).
    public static let document = ProblemForm(type: "application/problem+json") { problem, requestID in
        let document: JSON = [
            "type": .string("urn:fphost:problem:\(problem.code)"),
            "title": .string(problem.status.reasonPhrase),
            "status": .integer(problem.status.code),
            "detail": .string(problem.sentence),
            "instance": .string(requestID),
        ]
        return document.text
    }

    /// A JSON object with the sentence as its only member, `detail`.
    public static let detail = ProblemForm(type: "application/json") { problem, _ in
        "{\"detail\": \(JSON.string(problem.sentence).text)}"
    }

    /// The problem in this form, as the answer to the request of that id.
    public func response(to problem: Problem, requestID: String) -> Response {
        var fields = problem.headers
        fields[.contentType] = type
        fields[.cacheControl] = "no-store"
        fields[.xContentTypeOptions] = "nosniff"
        return Response(problem.status, headers: fields, body: .bytes(ByteBuffer(string: text(problem, requestID))))
    }
}
