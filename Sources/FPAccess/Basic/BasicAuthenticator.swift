import FPFormats
public import FPHTTP
import HTTPTypes
public import Logging

/// Recognises users by name and password, as an htpasswd file has them (HTTP Basic, RFC 7617). The file may change while
/// the host runs.
public struct BasicAuthenticator: Authenticator {
    private let judge: PasswordJudge
    private let realm: String
    private let scopes: Set<String>
    private let roles: Set<String>

    /// Accepts the users of a file.
    /// - Parameters:
    ///   - realm: What browsers show beside the form, in printable ASCII without quotes and backslashes.
    ///   - scopes: What all of them may do.
    ///   - roles: What all of them are.
    /// - Throws: ``AccessFileError`` if the file cannot be used, or keeps a password in a way that is guessed in no time.
    public init(
        path: String, realm: String, scopes: Set<String>, roles: Set<String>, clock: AccessClock = .system,
        logger: Logger
    ) throws(AccessFileError) {
        judge = try PasswordJudge(path: path, clock: clock, logger: logger)
        self.realm = realm
        self.scopes = scopes
        self.roles = roles
    }

    /// Looks whether a file could be used.
    /// - Throws: ``AccessFileError`` if not.
    public static func examine(_ path: String) throws(AccessFileError) {
        guard let found = try GuardedFile.read(path, limit: PasswordTable.largest) else {
            throw AccessFileError(path, "does not exist; create it or correct the path")
        }
        _ = try PasswordTable(found.bytes, path: path)
    }

    /// Whether nobody can get in as things are.
    public var isEmpty: Bool { judge.isEmpty }

    /// - Throws: A 401 if the request brings a name and a password that are not right, or nothing that could be some; a 429
    ///   if too many of its address or with its name wait for an answer, a 503 if too many of all do.
    public func caller(of request: Request, for access: Access) async throws(Problem) -> Caller? {
        guard let text = request.credentials(scheme: "basic") else { return nil }
        guard let credentials = BasicCredentials(text) else { throw refusal("The user name or the password is wrong.") }
        switch await judge.verdict(on: credentials, from: request.clientAddress) {
        case .right:
            return Caller(kind: "basic", owner: credentials.user, scopes: scopes, roles: roles, isAmbient: true)
        case .wrong: throw refusal("The user name or the password is wrong.")
        case .tooMany(.ofAddress): throw Self.crowded(.tooManyRequests, "logins of your address")
        case .tooMany(.ofName): throw Self.crowded(.tooManyRequests, "logins with that name")
        case .tooMany(.inAll), .busy: throw Self.crowded(.serviceUnavailable, "logins")
        }
    }

    private static func crowded(_ status: HTTPResponse.Status, _ what: String) -> Problem {
        Problem(status, "Too many \(what) wait for an answer; try again.", headers: [.retryAfter: "2"])
    }

    /// A 401 that asks for a name and a password.
    public var challenge: Problem? { refusal("This address needs a user name and a password.") }

    private func refusal(_ sentence: String) -> Problem {
        Problem(
            .unauthorized, sentence, headers: [.wwwAuthenticate: "Basic realm=\"\(realm)\", charset=\"UTF-8\""])
    }
}
