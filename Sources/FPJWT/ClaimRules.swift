import FPFormats
import FPHTTP

/// What a verified token must say (RFC 7519, section 4.1), and what of it says who the caller is.
struct ClaimRules: Sendable {
    let issuer: String?
    let audiences: [String]
    /// Claims that must have these values, by their names.
    let required: [String: String]
    /// How far the issuer's clock may be from this one's, in seconds.
    let leeway: Double
    let ownerClaim: String
    let scopesClaim: String
    let rolesClaim: String

    private static let longestOwner = 255

    /// The caller, and when the token expires for this server, in seconds since 1970.
    func caller(_ claims: JSON, now: Double) throws(TokenFault) -> (caller: Caller, expiry: Double) {
        guard let expires = try Self.time(claims["exp"]) else { throw .noExpiry }
        let expiry = expires + leeway
        guard now < expiry else { throw .expired }
        if let start = try Self.time(claims["nbf"]), now + leeway < start { throw .notYet }
        if let issued = try Self.time(claims["iat"]), now + leeway < issued { throw .issuedLater }
        if let issuer, claims["iss"] != .string(issuer) { throw .issuer }
        try checkAudience(claims["aud"])
        for (name, value) in required {
            guard claims.at(name)?.isWritten(value) == true else { throw .claim }
        }
        guard let owner = Self.owner(claims.at(ownerClaim)) else { throw .owner }
        let caller = Caller(
            kind: "jwt", owner: owner, scopes: Self.words(claims.at(scopesClaim)),
            roles: Self.words(claims.at(rolesClaim)))
        return (caller, expiry)
    }

    /// A token that is meant for somebody is refused by everybody else, also by one who has not been told a name (RFC
    /// 7519, section 4.1.3).
    private func checkAudience(_ claim: JSON?) throws(TokenFault) {
        let named: [JSON]
        switch claim {
        case nil: named = []
        case .array(let values)?: named = values
        case let value?: named = [value]
        }
        guard !audiences.isEmpty || claim != nil else { return }
        guard audiences.contains(where: { named.contains(.string($0)) }) else { throw .audience }
    }

    /// A NumericDate (RFC 7519, section 2).
    private static func time(_ claim: JSON?) throws(TokenFault) -> Double? {
        guard let claim else { return nil }
        guard case .number(let digits) = claim, let seconds = Double(digits), seconds.isFinite else { throw .time }
        return seconds
    }

    /// A name, or the number of a row in a table of users. What nobody could tell from another name is none.
    private static func owner(_ claim: JSON?) -> String? {
        switch claim {
        case .string(let name)?:
            let isShown = name.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
            let isBlank = name.trimmingSpace().isEmpty
            return isShown && !isBlank && name.utf8.count <= longestOwner ? name : nil
        case .number(let digits)?:
            return digits.utf8.allSatisfy(\.isASCIIDigit) && digits.utf8.count <= 20 ? digits : nil
        default: return nil
        }
    }

    /// Words with blanks between them (RFC 8693, section 4.2), or a list of texts. Whatever else is in a list is no word.
    private static func words(_ claim: JSON?) -> Set<String> {
        switch claim {
        case .string(let text)?: Set(text.parts(at: " ").filter { !$0.isEmpty }.map(String.init))
        case .array(let values)?:
            Set(
                values.compactMap { value in
                    if case .string(let word) = value, !word.isEmpty { word } else { nil }
                })
        default: []
        }
    }
}

extension JSON {
    /// Whether it is this text, or the truth value or number that is written so.
    fileprivate func isWritten(_ text: String) -> Bool {
        switch self {
        case .string(let value): value.isSame(as: text)
        case .bool, .number: self.text.isSame(as: text)
        default: false
        }
    }

    /// The claim of that name, which may have dots in it, or else the one that the dots lead to from object to object.
    fileprivate func at(_ name: String) -> JSON? {
        if let value = self[name] { return value }
        var value: JSON? = self
        for part in name.parts(at: ".") { value = value?[String(part)] }
        return value
    }
}
