import Crypto
import FPFormats
import FPHTTP
import FPJWT
import Foundation
import Logging

/// Makes tokens with a secret, as an issuer does.
struct TokenSigner {
    let secret: [UInt8]

    func token(header: some Sequence<UInt8>, claims: some Sequence<UInt8>) -> [UInt8] {
        let signed = Base64URL.encoded(Array(header)) + "." + Base64URL.encoded(Array(claims))
        let tag = HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: SymmetricKey(data: secret))
        return Array("\(signed).\(Base64URL.encoded(Array(tag)))".utf8)
    }
}

extension JWTAuthenticator {
    /// Who sent that token; `nil` if it is refused.
    func sender(of token: [UInt8]) -> Caller? { awaited { try? await self.caller(token) } }
}

extension JWTClock {
    /// 2033-05-18T03:33:20Z, for ever.
    static let fixed: JWTClock = {
        let moment = Moment(seconds: 2_000_000_000, steady: .now)
        return JWTClock { moment }
    }()
}

let silent = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }

extension FuzzTarget {
    private static let signer = TokenSigner(secret: Array(repeating: UInt8(ascii: "s"), count: 32))

    private static let authenticator: JWTAuthenticator = {
        var settings = JWTSettings()
        settings.secret = String(decoding: signer.secret, as: UTF8.self)
        settings.issuer = "issuer"
        settings.audiences = ["fphost"]
        do throws(JWTKeyError) {
            return try JWTAuthenticator(settings, download: nil, clock: .fixed, logger: silent)
        } catch {
            fatalError("no keys: \(error)")
        }
    }()

    /// A token that nobody signed is refused. One that is signed is refused, or says to any reader of JSON what it says
    /// here, the second time too. The input is a token, and the header and, behind a line feed, the claims of another.
    static let token = FuzzTarget("token") { input in
        require(authenticator.sender(of: input) == nil, "forged")
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return }
        let token = signer.token(header: parts[0], claims: parts[1])
        guard let caller = authenticator.sender(of: token) else { return }
        let again = authenticator.sender(of: token)
        require(
            again?.owner == caller.owner && again?.scopes == caller.scopes && again?.roles == caller.roles,
            "another caller the second time")
        compare(caller, header: members(parts[0]), claims: members(parts[1]))
    }

    private static func compare(_ caller: Caller, header: [String: Any]?, claims: [String: Any]?) {
        guard let owner = caller.owner, !owner.isEmpty, owner.utf8.count <= 255 else {
            return require(false, "a caller without owner")
        }
        require(owner.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }, "an owner that is not shown")
        require(!caller.scopes.contains("") && !caller.roles.contains(""), "a word without letters")
        // Foundation refuses some numbers and depths.
        guard let header, let claims else { return }
        require(header["alg"] as? String == "HS256", "another algorithm: \(header)")
        require(header["crit"] == nil && header["b64"] == nil, "an extension")
        require(claims["iss"] as? String == "issuer", "another issuer: \(claims)")
        let audiences = claims["aud"] as? [Any] ?? claims["aud"].map { [$0] } ?? []
        require(audiences.contains { $0 as? String == "fphost" }, "another audience: \(claims)")
        if let name = claims["sub"] as? String {
            require(name.utf8.elementsEqual(owner.utf8), "another owner: \(owner) for \(claims)")
        }
        if let expiry = claims["exp"] as? NSNumber {
            require(expiry.doubleValue + 30 > 2_000_000_000, "expired: \(claims)")
        }
        if let start = claims["nbf"] as? NSNumber {
            require(start.doubleValue - 30 <= 2_000_000_000, "not yet: \(claims)")
        }
    }

    private static func members(_ text: ArraySlice<UInt8>) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(text))) as? [String: Any]
    }
}
