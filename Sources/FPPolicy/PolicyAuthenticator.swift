import FPFormats
public import FPHTTP
import FPUploads
import FPUploadsHTTP
import Glibc
import HTTPTypes

extension HTTPField.Name {
    /// `Upload-Policy`: a policy that the application has signed.
    static let uploadPolicy = HTTPField.Name(constant: "Upload-Policy")
}

/// Recognises a client by the policy that the application has signed for it, in the header `Upload-Policy` or, where no
/// header can be sent, in the query as `policy`.
public struct PolicyAuthenticator: Authenticator {
    private static let parameter = "policy"

    private let keys: PolicyKeys
    private let now: @Sendable () -> Int64

    /// Accepts policies that one of the keys has signed.
    /// - Parameter now: The time in seconds since 1970.
    public init(_ keys: PolicyKeys, now: @escaping @Sendable () -> Int64 = { Int64(time(nil)) }) {
        self.keys = keys
        self.now = now
    }

    /// - Throws: A 401 for a policy that does not hold; a 403 for a good one that does not open that endpoint.
    public func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        let texts = request.headers[values: .uploadPolicy] + request.query.all(Self.parameter)
        guard let text = texts.first else { return nil }
        guard texts.count == 1 else {
            throw Self.refusal("The request has more than one upload policy; send one, as header or in the query.")
        }
        let signed: SignedPolicy
        do throws(PolicyError) {
            signed = try SignedPolicy(text, keys: keys)
            try signed.policy.check(at: now())
        } catch {
            throw Self.refusal(error.description)
        }
        let policy = signed.policy
        guard policy.operations.contains(where: { $0.access == access }) else {
            throw Problem(.forbidden, "The upload policy does not allow the access \"\(access.name)\".")
        }
        return Caller(
            kind: "policy", owner: policy.owner, scopes: Set(policy.scopes),
            grant: policy.allowance(signedBy: signed.keyID))
    }

    /// A 401 that asks for a policy.
    public var challenge: Problem? {
        Problem(
            .unauthorized,
            "This address needs an upload policy of the application's: send it as the header Upload-Policy.",
            headers: [.wwwAuthenticate: "Upload-Policy realm=\"fphost\""])
    }

    private static func refusal(_ sentence: String) -> Problem {
        Problem(
            .unauthorized, sentence,
            headers: [.wwwAuthenticate: "Upload-Policy realm=\"fphost\", error=\"invalid_policy\""])
    }
}
