import FPAccess
import FPHTTP
import HTTPTypes

/// The application API: what the application behind the page does with uploads. Closed to everybody without a token.
struct ApplicationAPI: Sendable {
    let resource: UploadResource
    let tokens: BearerTokens

    /// Answers a request whose path continues with `rest` below `/api/v1`.
    func respond(to request: Request, rest: ArraySlice<String>) async -> Response {
        if let refusal = refusal(request) { return refusal.documentResponse(requestID: request.id) }
        guard rest.first == "uploads" else {
            return Problem(.notFound, "There is nothing at this address.").documentResponse(requestID: request.id)
        }
        return await resource.respond(to: request, rest: rest.dropFirst())
    }

    /// RFC 6750, section 3.
    private func refusal(_ request: Request) -> Problem? {
        let lines = request.headers[values: .authorization]
        guard let line = lines.first else {
            return Problem(
                .unauthorized, "This address needs a bearer token: send the header Authorization: Bearer <token>.",
                headers: [.wwwAuthenticate: "Bearer realm=\"fphost\""])
        }
        guard lines.count == 1, tokens.accepts(authorization: line) else {
            return Problem(
                .unauthorized, "The bearer token is not one of those that this server accepts.",
                headers: [.wwwAuthenticate: "Bearer realm=\"fphost\", error=\"invalid_token\""])
        }
        return nil
    }
}
