import Crypto

/// Whether a password is right, as one address asks.
struct Question: Sendable {
    let user: String
    let password: String
    let address: String
    /// Of address, name and password: what one address has proved tells another nothing.
    let digest: HMAC<SHA256>.MAC
    /// Of address and name.
    let pair: HMAC<SHA256>.MAC
    private let key: SymmetricKey

    init(_ credentials: BasicCredentials, from address: String, _ key: SymmetricKey) {
        user = credentials.user
        password = credentials.password
        self.address = address
        // There is neither NUL nor colon in a name, and no NUL in a password: no two of these texts are one.
        digest = HMAC.authenticationCode(for: Array("\(address)\u{0}\(user):\(password)".utf8), using: key)
        pair = HMAC.authenticationCode(for: Array("\(address)\u{0}\(user)".utf8), using: key)
        self.key = key
    }

    /// Of the name alone, so that names of any length take the same room. Made when it is asked for: what is remembered is
    /// known without.
    var name: HMAC<SHA256>.MAC { HMAC.authenticationCode(for: Array(user.utf8), using: key) }
}
