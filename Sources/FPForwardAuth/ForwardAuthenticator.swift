import FPCurl
import FPFormats
public import FPHTTP
import HTTPTypes
public import Logging

/// Has an application say who a visitor is: the head of each request goes to a URL of the application's, as with
/// nginx's `auth_request` and Traefik's `forwardAuth`, so that a session of the application works here.
///
/// The application sees the fields with the credentials and some others, `X-Forwarded-Method`, `-Uri`, `-Proto`, `-Host`
/// and `-For`, `X-Original-Method` and `-URL`, and the name of the access in `X-FPHost-Permission`. It answers with 2xx
/// and says who it is in fields of its own, or with 401 or 403. Nothing else lets anybody pass.
public struct ForwardAuthenticator: Authenticator {
    private let settings: ForwardSettings
    private let application: Application

    /// Why none could be made.
    public struct SetupError: Error, Sendable, CustomStringConvertible {
        /// What is wrong.
        public let description: String
    }

    /// An authenticator with a thread of its own, which ends when nobody has the authenticator any more.
    /// - Parameters:
    ///   - version: The host's version, for the `User-Agent` of requests that have none.
    ///   - now: The time by which answers grow old.
    ///   - logger: Hears of an application that gives no answers.
    /// - Throws: ``SetupError`` if the system has no memory or thread to give.
    public init(
        _ settings: ForwardSettings, version: String,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }, logger: Logger
    ) throws(SetupError) {
        self.settings = settings
        do throws(CurlFailure) {
            application = try Application(settings, userAgent: "fphost/\(version)", now: now, logger: logger)
        } catch {
            throw SetupError(description: "no application can be asked: \(error.text)")
        }
    }

    /// - Throws: A 401 or 403 as the application says; a 503 if it says nothing that can be gone by.
    public func caller(of request: Request, for access: Access) async throws(Problem) -> Caller? {
        guard let question = try Question(request, for: access, settings) else { return nil }
        switch await application.answer(to: question) {
        case .success(.known(let owner, let scopes, let roles)):
            return Caller(kind: "visitor", owner: owner, scopes: scopes, roles: roles, isAmbient: question.isAmbient)
        case .success(.refused(let status, let challenges)):
            throw Self.refusal(status, challenges)
        case .failure:
            throw Problem(
                .serviceUnavailable, "It cannot be found out at the moment who you are; try again shortly.",
                headers: [.retryAfter: "5"])
        }
    }

    /// A 401 that asks for a session of the application. HTTP has no name for that.
    public var challenge: Problem? { Self.refusal(.unauthorized, []) }

    private static func refusal(_ status: HTTPResponse.Status, _ challenges: [String]) -> Problem {
        guard status == .unauthorized else {
            return Problem(status, "The application says that you may not do this.")
        }
        var problem = Problem(status, "The application does not know you: log in there first.")
        for value in challenges.isEmpty ? ["Session realm=\"fphost\""] : challenges {
            problem.headers.append(HTTPField(name: .wwwAuthenticate, value: value))
        }
        return problem
    }
}
