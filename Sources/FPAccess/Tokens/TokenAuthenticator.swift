import Crypto
import FPFormats
public import FPHTTP
import HTTPTypes
public import Logging

/// Recognises callers by the bearer tokens of a file (RFC 6750, sections 2.1 and 3). The file may change while the host
/// runs.
public struct TokenAuthenticator: Authenticator {
    private let file: WatchedFile<TokenTable>
    private let clock: AccessClock
    /// What a token of an unknown id is compared with, so that it takes as long as any other.
    private let stranger = AccessToken.random().digest

    /// Accepts the tokens of a file, which need not exist yet.
    /// - Throws: ``AccessFileError`` if the file cannot be used.
    public init(path: String, clock: AccessClock = .system, logger: Logger) throws(AccessFileError) {
        file = try WatchedFile(
            path, limit: TokenTable.largest, empty: TokenTable(), clock: clock, logger: logger,
            parse: TokenTable.init(_:path:))
        self.clock = clock
    }

    /// Whether no token can be accepted as things are.
    public var isEmpty: Bool { file.latest.content.records.isEmpty }

    /// - Throws: A 401 if there is a token of the form that fphost makes, which the file does not have or which has expired.
    public func caller(of request: Request, for access: Access) async throws(Problem) -> Caller? {
        guard let token = request.bearerToken.flatMap({ AccessToken($0) }) else { return nil }
        let digest = token.digest
        await file.upToDate()
        let record = file.latest.content[token.id]
        let isKnown = record?.isOf(digest) ?? (stranger == digest)
        guard let record, isKnown else {
            throw Self.refusal("The bearer token is not one of those that this server accepts.", nil)
        }
        // Only who has the whole token learns that it was good once.
        if let expires = record.expires, record.isExpired(at: clock.date()) {
            let date = InternetTime.text(millisecondsSince1970: expires)
            throw Self.refusal(
                "The bearer token expired at \(date); ask for a new one.", "the token expired at \(date)")
        }
        return Caller(kind: "token", owner: record.owner, scopes: Set(record.scopes))
    }

    private static func refusal(_ sentence: String, _ description: String?) -> Problem {
        let more = description.map { ", error_description=\"\($0)\"" } ?? ""
        return Problem(
            .unauthorized, sentence,
            headers: [.wwwAuthenticate: "Bearer realm=\"fphost\", error=\"invalid_token\"\(more)"])
    }
}

extension Request {
    /// The token of the one `Authorization` field, if it has the scheme Bearer (RFC 6750, section 2.1).
    var bearerToken: Substring? { credentials(scheme: "bearer") }

    /// What the one `Authorization` field has behind a scheme (RFC 9110, section 11.4): in any letter case, with one or
    /// more spaces between.
    /// - Parameter scheme: In lower case.
    func credentials(scheme: String) -> Substring? {
        let lines = headers[values: .authorization]
        guard lines.count == 1, let (found, rest) = lines[0].cut(at: " "),
            found.asciiLowercased().isSame(as: scheme)
        else { return nil }
        return Substring(rest.utf8.drop { $0 == UInt8(ascii: " ") })
    }
}
