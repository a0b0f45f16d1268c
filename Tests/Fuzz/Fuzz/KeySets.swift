import FPFormats
import FPJWT
import Foundation

extension FuzzTarget {
    private static let header = Array(#"{"alg":"HS256"}"#.utf8)
    private static let claims = Array(#"{"sub":"mallory","exp":2000000100}"#.utf8)
    private static let mostSecrets = 16
    private static let file = "/tmp/fphost-fuzz-keys-\(getpid())"

    /// What a server gives as its keys, and what stands in a file of public keys: taken or refused, and no text of it is a
    /// secret by which a token is good.
    static let keys = FuzzTarget("keys") { input in
        let secrets = secrets(in: input)
        for authenticator in [served(input), filed(input)].compactMap({ $0 }) {
            for secret in secrets {
                let token = TokenSigner(secret: secret).token(header: header, claims: claims)
                require(authenticator.sender(of: token) == nil, "a token is good by what everybody can read")
            }
        }
    }

    private static func served(_ keys: [UInt8]) -> JWTAuthenticator? {
        var settings = JWTSettings()
        settings.keySetURL = "https://issuer.example/keys"
        let download = KeyDownload { done in Task.detached { done(.success(keys)) } }
        return try? JWTAuthenticator(settings, download: download, clock: .fixed, logger: silent)
    }

    private static func filed(_ keys: [UInt8]) -> JWTAuthenticator? {
        guard FileManager.default.createFile(atPath: file, contents: Data(keys)) else { fatalError("no \(file)") }
        var settings = JWTSettings()
        settings.publicKeyFile = file
        return try? JWTAuthenticator(settings, download: nil, clock: .fixed, logger: silent)
    }

    /// The whole, and what is between quotation marks, as it is and as what base64url may stand for.
    private static func secrets(in text: [UInt8]) -> [[UInt8]] {
        let parts = text.split(separator: UInt8(ascii: "\"")).map(Array.init)
        let decoded = parts.compactMap { Base64URL.decoded(String(decoding: $0, as: UTF8.self)) }
        return Array(([text] + decoded + parts).filter { $0.count >= 32 }.prefix(mostSecrets))
    }
}
