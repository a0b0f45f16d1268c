import FPFormats
import FPPluginKit
import S3Signature

/// The parameters of new objects, by the names that boto3 and django-storages give them.
enum ObjectParameters {
    private static let fields: KeyValuePairs = [
        "CacheControl": "Cache-Control",
        "ContentDisposition": "Content-Disposition",
        "ContentEncoding": "Content-Encoding",
        "ContentLanguage": "Content-Language",
        "StorageClass": "x-amz-storage-class",
        "ServerSideEncryption": "x-amz-server-side-encryption",
        "SSEKMSKeyId": "x-amz-server-side-encryption-aws-kms-key-id",
        "SSEKMSEncryptionContext": "x-amz-server-side-encryption-context",
        "BucketKeyEnabled": "x-amz-server-side-encryption-bucket-key-enabled",
        "ACL": "x-amz-acl",
        "Tagging": "x-amz-tagging",
        "WebsiteRedirectLocation": "x-amz-website-redirect-location",
        "RequestPayer": "x-amz-request-payer",
        "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    ]

    /// - Throws: `.config` for a parameter that is not one of these.
    static func fields(
        _ parameters: [String: String], acl: String
    ) throws(PluginError) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        for parameter in parameters.sorted(by: { $0.key < $1.key }) {
            guard let field = fields.first(where: { $0.key == parameter.key }) else {
                throw PluginError(
                    .config,
                    """
                    the option `object_parameters` has no \(parameter.key); it has \
                    \(fields.map(\.key).joined(separator: ", "))
                    """)
            }
            guard isText(parameter.value) else {
                throw PluginError(
                    .config, "the option `object_parameters.\(parameter.key)` has characters that no field can carry")
            }
            found.append((field.value, parameter.value))
        }
        if !acl.isEmpty, isText(acl), !found.contains(where: { $0.name == "x-amz-acl" }) {
            found.append(("x-amz-acl", acl))
        }
        return found
    }

    /// Whether a field says something about the request and not about the object.
    static func isForEveryRequest(_ name: String) -> Bool {
        name == "x-amz-request-payer" || name == "x-amz-expected-bucket-owner"
    }

    /// Whether a field's value can be sent as it is.
    static func isText(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

    /// A value of metadata as it is sent: as it is where that is possible, else percent-encoded.
    static func metadataValue(_ text: String) -> String {
        isText(text) ? text : PercentEncoding.encode(text, keepingSlashes: true)
    }
}
