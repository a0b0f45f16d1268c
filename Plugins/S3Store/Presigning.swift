import FPFormats
import FPPluginKit
import S3Signature

extension S3Store: PresigningStore {
    func presign(_ request: PresignRequest, _ call: borrowing Call) throws(PluginError) -> PresignedURL {
        let region = client.region
        let endpoint = settings.endpoint
        let key = settings.objectKey(request.key.string)
        let credentials = settings.signsURLs ? try client.currentCredentials(call) : nil
        guard let credentials else {
            // Nothing to sign, so nothing runs out; overrides would need a signature.
            let start = settings.publicBase.map { "\($0)/\(PercentEncoding.encode(key, keepingSlashes: true))" }
            let own = "\(endpoint.scheme)://\(endpoint.authority(region: region))\(endpoint.path(of: key))"
            return try Self.bounded(start ?? own, expires: .max)
        }
        let now = client.now
        var life = Int64(min(request.lifeSeconds, settings.urlLifeSeconds))
        // With temporary keys the URL ends when they do.
        if let end = credentials.expires { life = min(life, end.seconds - Timestamp.now.seconds) }
        let seconds = max(1, life)
        let signature = SignatureV4(
            SignatureV4.Signer(accessKey: credentials.accessKey, secretKey: credentials.secretKey),
            region: region, service: "s3", time: now.basic)
        var query = Query([
            "X-Amz-Algorithm": SignatureV4.algorithm, "X-Amz-Credential": signature.credential,
            "X-Amz-Date": now.basic, "X-Amz-Expires": String(seconds), "X-Amz-SignedHeaders": "host",
        ])
        if let token = credentials.sessionToken { query.add("X-Amz-Security-Token", token) }
        if let value = request.contentType { query.add("response-content-type", value) }
        if let value = request.contentDisposition { query.add("response-content-disposition", value) }
        if let value = request.cacheControl { query.add("response-cache-control", value) }
        let authority = endpoint.authority(region: region)
        let path = endpoint.path(of: key)
        let message = SignatureV4.Message(
            method: request.method == .get ? "GET" : "HEAD", path: client.signedPath(of: key), query: query.canonical,
            headers: [("host", authority)], payloadHash: "UNSIGNED-PAYLOAD")
        query.add("X-Amz-Signature", signature.signature(of: message))
        return try Self.bounded(
            "\(endpoint.scheme)://\(authority)\(path)?\(query.canonical)",
            expires: (Timestamp.now.seconds + seconds) * 1000)
    }

    private static func bounded(_ url: String, expires: Int64) throws(PluginError) -> PresignedURL {
        guard url.utf8.count <= 8192 else { throw PluginError(.invalid, "the URL has more than 8192 bytes") }
        return PresignedURL(url: url, expiresMilliseconds: expires)
    }
}
