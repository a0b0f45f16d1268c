import FPPluginKit

/// What is known about an object.
extension S3Store {
    func stat(_ key: Key, _ call: borrowing Call) throws(PluginError) -> ObjectInfo {
        try describe(key, call).info
    }

    /// Asks for an object's head.
    /// - Throws: `.notFound`.
    func describe(_ key: Key, _ call: borrowing Call) throws(PluginError) -> (reply: Reply, info: ObjectInfo) {
        let doing = "looking at \"\(key)\""
        let reply = try client.send(S3Request("HEAD", settings.objectKey(key.string)), doing, call)
        if reply.isSuccess { return (reply, try tagged(reply, doing)) }
        guard [400, 403].contains(reply.status) else { throw reply.failure(doing) }
        // A head has no body, so that nothing tells why; the first byte has.
        var request = S3Request("GET", settings.objectKey(key.string))
        request.headers = [("Range", "bytes=0-0")]
        let explained = try client.send(request, doing, call)
        if explained.isSuccess { return (explained, try tagged(explained, doing)) }
        if explained.status == 416 { return (explained, explained.objectInfo(size: 0)) }
        throw try explain(explained, key, doing, call)
    }

    /// What a reply says of an object. Each object has a tag; what has none is somebody else's answer.
    func tagged(_ reply: Reply, _ doing: String) throws(PluginError) -> ObjectInfo {
        let info = reply.objectInfo(size: try wholeSize(reply, doing))
        guard !info.etag.isEmpty else { throw reply.lacking("an ETag", doing) }
        return info
    }

    /// Without the permission to list, S3 says "forbidden" of keys that do not exist.
    func explain(
        _ reply: Reply, _ key: Key, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> PluginError {
        let failure = reply.failure(doing)
        guard failure.code == .denied, reply.errorCode == "AccessDenied" || reply.errorCode.isEmpty else {
            return failure
        }
        let request = S3Request(
            "GET", nil, ["list-type": "2", "max-keys": "1", "prefix": settings.objectKey(key.string)])
        guard try client.send(request, doing, call).status == 403 else { return failure }
        return PluginError(
            .notFound,
            """
            \(doing): S3 answers 403 \(reply.errorCode); without s3:ListBucket that is also its answer for keys that \
            do not exist
            """, nativeCode: failure.nativeCode, requestID: failure.requestID)
    }

    /// The whole object's size, of a reply that may be about a range of it.
    func wholeSize(_ reply: Reply, _ doing: String) throws(PluginError) -> UInt64 {
        if let range = reply.head["content-range"], let slash = range.lastIndex(of: "/"),
            let size = UInt64(range[range.index(after: slash)...])
        {
            return size
        }
        guard reply.status != 206, let size = reply.head["content-length"].flatMap(UInt64.init) else {
            throw PluginError(.transient, "\(doing): S3 answers without a size", requestID: reply.requestID)
        }
        return size
    }
}
