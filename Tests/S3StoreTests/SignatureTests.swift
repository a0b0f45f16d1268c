import FPFormats
import PluginTestKit
import S3Signature
import Testing

extension S3StoreTests {
    /// The AWS Signature Version 4 test suite. Its cases for services that resolve dot segments, which S3 does not, are
    /// signed with the path that they lead to.
    @Suite("signatures")
    struct Signatures {
        struct Vector: Sendable, CustomTestStringConvertible {
            let name, method, rawPath, path, query: String
            let headers: [(name: String, value: String)]
            let signsBody: Bool
            let token, payloadHash, headerSignature, querySignature: String

            var testDescription: String { name }

            init(_ line: String) {
                let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                (name, method, rawPath, path, query) = (words[0], words[1], words[2], words[3], words[4])
                headers = words[5].split(separator: "|").map { field in
                    let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                    return (String(parts[0]), String(parts[1]).replacing("\\n", with: "\n"))
                }
                signsBody = words[6].contains("b")
                (token, payloadHash, headerSignature, querySignature) = (words[7], words[8], words[9], words[10])
            }
        }

        static let vectors: [Vector] = {
            guard let text = try? readFile("\(S3Server.root)/Tests/S3StoreTests/Vectors/sigv4.tsv") else { return [] }
            return text.split(separator: "\n").map { Vector(String($0)) }
        }()

        private static let time = "20150830T123600Z"
        private let signature = SignatureV4(
            .init(accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "service", time: Self.time)

        @Test("There are vectors")
        func count() { #expect(Self.vectors.count == 38) }

        @Test("A request signed by its header has the signature of the test suite", arguments: vectors)
        func sign(_ vector: Vector) {
            if !vector.rawPath.isEmpty {
                #expect(PercentEncoding.encode(vector.rawPath, keepingSlashes: true) == vector.path)
            }
            var headers = vector.headers + [("X-Amz-Date", Self.time)]
            if !vector.token.isEmpty { headers.append(("X-Amz-Security-Token", vector.token)) }
            if vector.signsBody { headers.append(("x-amz-content-sha256", vector.payloadHash)) }
            let message = SignatureV4.Message(
                method: vector.method, path: vector.path, query: query(vector).canonical, headers: headers,
                payloadHash: vector.payloadHash)
            #expect(signature.signature(of: message) == vector.headerSignature, "\(message.canonical)")
            #expect(signature.authorization(for: message).hasSuffix("Signature=\(vector.headerSignature)"))
        }

        @Test("A request signed by its query has the signature of the test suite", arguments: vectors)
        func presign(_ vector: Vector) {
            var query = query(vector)
            query.add("X-Amz-Algorithm", SignatureV4.algorithm)
            query.add("X-Amz-Credential", signature.credential)
            query.add("X-Amz-Date", Self.time)
            query.add("X-Amz-Expires", "3600")
            if !vector.token.isEmpty { query.add("X-Amz-Security-Token", vector.token) }
            let unsigned = SignatureV4.Message(
                method: vector.method, path: vector.path, query: "", headers: vector.headers,
                payloadHash: vector.payloadHash)
            query.add("X-Amz-SignedHeaders", unsigned.signedHeaders)
            let message = SignatureV4.Message(
                method: vector.method, path: vector.path, query: query.canonical, headers: vector.headers,
                payloadHash: vector.payloadHash)
            #expect(signature.signature(of: message) == vector.querySignature, "\(message.canonical)")
        }

        private func query(_ vector: Vector) -> Query {
            var query = Query()
            for pair in vector.query.split(separator: "&", omittingEmptySubsequences: true) {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                query.add(
                    PercentEncoding.decode(String(parts[0])),
                    parts.count > 1 ? PercentEncoding.decode(String(parts[1])) : "")
            }
            return query
        }

        @Test("Blanks in a row count once in a header's value, whatever stands behind them")
        func blanks() {
            let message = SignatureV4.Message(
                method: "PUT", path: "/", query: "", headers: [("X-A", " a  \u{301}b \u{A0}c ")], payloadHash: "")
            #expect(message.canonical.utf8.elementsEqual("PUT\n/\n\nx-a:a \u{301}b \u{A0}c\n\nx-a\n".utf8))
        }

        @Test("The example of a presigned URL in S3's own documentation comes out the same")
        func presigned() {
            let signature = SignatureV4(
                .init(accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                region: "us-east-1", service: "s3", time: "20130524T000000Z")
            let query = Query([
                "X-Amz-Algorithm": SignatureV4.algorithm, "X-Amz-Credential": signature.credential,
                "X-Amz-Date": "20130524T000000Z", "X-Amz-Expires": "86400", "X-Amz-SignedHeaders": "host",
            ])
            let message = SignatureV4.Message(
                method: "GET", path: "/test.txt", query: query.canonical,
                headers: [("host", "examplebucket.s3.amazonaws.com")], payloadHash: "UNSIGNED-PAYLOAD")
            #expect(
                signature.signature(of: message) == "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
        }
    }
}
