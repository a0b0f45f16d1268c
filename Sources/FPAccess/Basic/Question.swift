import Crypto

/// Whether a password is right, as one address asks.
struct Question: Sendable {
    let user: String
    let password: String
    let address: String
    /// Of address, name and password: what one address has proved tells another nothing.
    let digest: HMAC<SHA256>.MAC
    private let seed: HMAC<SHA256>

    /// - Parameter seed: Of a key that nobody else has. Begun once, as a key costs more than what is made with it.
    init(_ credentials: BasicCredentials, from address: String, _ seed: HMAC<SHA256>) {
        user = credentials.user
        password = credentials.password
        self.address = address
        // There is neither NUL nor colon in a name, and no NUL in a password: no two of these texts are one.
        digest = Self.code(Array("\(address)\u{0}\(user):\(password)".utf8), seed)
        self.seed = seed
    }

    /// Of address and name. Made when it is asked for, as what is remembered is known without.
    var pair: HMAC<SHA256>.MAC { Self.code(Array("\(address)\u{0}\(user)".utf8), seed) }

    /// Of the name alone, so that names of any length take the same room.
    var name: HMAC<SHA256>.MAC { Self.code(Array(user.utf8), seed) }

    private static func code(_ text: [UInt8], _ seed: HMAC<SHA256>) -> HMAC<SHA256>.MAC {
        var code = seed
        code.update(data: text)
        return code.finalize()
    }
}
