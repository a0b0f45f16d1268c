/// Signature Version 4 of the AWS General Reference, in the form of S3: the path is signed as it is sent, with no dot
/// segment resolved and nothing encoded twice.
package struct SignatureV4 {
    /// Who signs.
    package struct Signer: Sendable {
        let accessKey, secretKey: String

        /// Takes a pair of keys.
        package init(accessKey: String, secretKey: String) {
            self.accessKey = accessKey
            self.secretKey = secretKey
        }
    }

    /// What is signed, apart from its header.
    package struct Message {
        let method, path, query, payloadHash: String
        let headers: [(name: String, value: String)]

        /// Takes a request apart: `path` and `query` percent-encoded as they are sent, the query in canonical order,
        /// `payloadHash` in hexadecimal or one of S3's words for an unsigned payload.
        package init(
            method: String, path: String, query: String, headers: [(name: String, value: String)], payloadHash: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
            self.payloadHash = payloadHash
        }
    }

    private let signer: Signer
    private let region, service, date, time: String

    /// Signs for a region and service at a time such as "20130524T000000Z".
    package init(_ signer: Signer, region: String, service: String, time: String) {
        self.signer = signer
        self.region = region
        self.service = service
        self.time = time
        date = String(time.prefix(8))
    }

    package static let algorithm = "AWS4-HMAC-SHA256"

    /// "AKIA.../20130524/us-east-1/s3/aws4_request".
    package var credential: String { "\(signer.accessKey)/\(scope)" }

    private var scope: String { "\(date)/\(region)/\(service)/aws4_request" }

    /// The value of the header `Authorization`.
    package func authorization(for message: Message) -> String {
        "\(Self.algorithm) Credential=\(credential), SignedHeaders=\(message.signedHeaders), "
            + "Signature=\(signature(of: message))"
    }

    /// The signature itself, for the header or the query.
    package func signature(of message: Message) -> String {
        var key = Array("AWS4\(signer.secretKey)".utf8)
        for text in [date, region, service, "aws4_request"] { key = hmac(text, key: key) }
        return hmac(stringToSign(for: message), key: key).hexadecimal
    }

    /// What the key signs.
    package func stringToSign(for message: Message) -> String {
        "\(Self.algorithm)\n\(time)\n\(scope)\n\(sha256(message.canonical.utf8).hexadecimal)"
    }
}

extension SignatureV4.Message {
    /// The names of the headers, as the signature lists them.
    package var signedHeaders: String { canonicalHeaders.map(\.name).joined(separator: ";") }

    /// The canonical request.
    package var canonical: String {
        let headers = canonicalHeaders.map { "\($0.name):\($0.value)\n" }.joined()
        return "\(method)\n\(path)\n\(query)\n\(headers)\n\(signedHeaders)\n\(payloadHash)"
    }

    /// Names in lower case and in order, each once; values without the spaces that do not count.
    private var canonicalHeaders: [(name: String, value: String)] {
        var values: [String: [String]] = [:]
        for header in headers {
            let words = header.value.utf8.split { " \r\n".utf8.contains($0) }.map { String(Substring($0)) }
            values[header.name.asciiLowercased(), default: []].append(words.joined(separator: " "))
        }
        return values.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
            .map { (name: $0.key, value: $0.value.joined(separator: ",")) }
    }
}
