import FPFormats
import S3Signature

extension FuzzTarget {
    /// The canonical request of a signature has one line for each field, whatever the values are, and a query has the
    /// same canonical form in every order. The input is lines of `name:value`.
    static let signature = FuzzTarget("signature") { input in
        let lines = input.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
        let fields = lines.compactMap { $0.cut(at: ":") }.map { (name: String($0.before), value: String($0.behind)) }
        query(fields)
        let path = "/" + PercentEncoding.encode(lines.first ?? "", keepingSlashes: true)
        require(PercentEncoding.decode(path) == "/" + (lines.first ?? ""), "another path: \(path)")
        // Field names are the plugin's own.
        let headers = fields.enumerated().map { (name: "x-amz-meta-\($0.offset)", value: $0.element.value) }
        let message = SignatureV4.Message(
            method: "PUT", path: path, query: "", headers: headers, payloadHash: "UNSIGNED-PAYLOAD")
        let canonical = message.canonical.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        require(canonical.count == headers.count + 6, "a value breaks the line")
        for line in canonical {
            require(!zip(line, line.dropFirst()).contains { $0 == 0x20 && $1 == 0x20 }, "blanks in a row")
        }
        let signer = SignatureV4.Signer(accessKey: "key", secretKey: "secret")
        let signature = SignatureV4(signer, region: "r", service: "s3", time: "20260101T000000Z").signature(of: message)
        require(signature.utf8.count == 64, "no signature: \(signature)")
    }

    private static func query(_ fields: [(name: String, value: String)]) {
        var (there, back) = (Query(), Query())
        for field in fields { there.add(field.name, field.value) }
        for field in fields.reversed() { back.add(field.name, field.value) }
        require(there.canonical == back.canonical, "the order counts")
    }
}
