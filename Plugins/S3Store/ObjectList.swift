import FPFormats
import FPPluginKit
import S3Signature

/// An object as a list has it.
struct ListedObject {
    /// In the bucket, so it begins with the option `location`.
    let key: String
    let size: UInt64
    let modified: Timestamp?
    let etag: String
}

extension S3Client {
    /// Hands out the objects whose keys begin with `prefix`, those after `start` only, in S3's order.
    /// - Parameters:
    ///   - prefix: of keys in the bucket, so with `location` before it.
    ///   - start: a key in the bucket, or empty.
    ///   - pageSize: how many to ask for at a time.
    ///   - body: false to stop.
    /// - Returns: true if the list went to its end.
    @discardableResult
    func eachObject(
        prefix: String, after start: String, pageSize: Int = 1000, _ doing: String, _ call: borrowing Call,
        _ body: (ListedObject) throws(PluginError) -> Bool
    ) throws(PluginError) -> Bool {
        var after = start
        var continuation: String?
        while true {
            var request = S3Request(
                "GET", nil,
                [
                    "list-type": "2", "prefix": prefix, "encoding-type": "url",
                    "max-keys": String(min(1000, max(1, pageSize))),
                ])
            if !after.isEmpty { request.query.add("start-after", after) }
            if let continuation { request.query.add("continuation-token", continuation) }
            let reply = try send(request, doing, call)
            try reply.check(doing)
            guard let list = XMLElement(document: reply.body), list.name == "ListBucketResult" else {
                throw reply.lacking("a list", doing)
            }
            let isEncoded = list["EncodingType"] == "url"
            var last: String?
            for entry in list.all("Contents") {
                guard let text = entry["Key"] else { continue }
                let object = ListedObject(
                    key: isEncoded ? PercentEncoding.decode(text) : text,
                    size: entry["Size"].flatMap(UInt64.init) ?? 0,
                    modified: entry["LastModified"].flatMap { Timestamp(iso8601: $0) },
                    etag: Reply.unquoted(entry["ETag"] ?? ""))
                last = object.key
                guard try body(object) else { return false }
            }
            guard list["IsTruncated"] == "true" else { return true }
            // By name and not by token, so that the list goes on whatever changes meanwhile. An empty page has no last
            // name, and then only the token leads on.
            if let last, !last.utf8.elementsEqual(after.utf8) {
                (after, continuation) = (last, nil)
            } else if let next = list["NextContinuationToken"], next != continuation {
                continuation = next
            } else {
                throw reply.lacking("the rest of the list", doing)
            }
        }
    }
}
