import FPCatalog

/// Object keys in the staging store: `<upload id>.<file id>`, never used again. The file id proves that this catalog made
/// the key, so that what no record names any more can be told from what was never ours.
///
/// A key has one segment, for which no store needs a directory. Older releases made `<upload id>/<file id>`.
struct StagingKeys: Sendable {
    let identity: CatalogIdentity

    /// A new key for a file of an upload.
    func make(for id: UploadID) -> String {
        "\(id).\(identity.newName(for: id))"
    }

    /// The upload for which this catalog made the key; `nil` for any other key.
    func upload(of key: String) -> UploadID? {
        guard let (id, file) = Self.parts(of: key), identity.made(file, for: id) else { return nil }
        return id
    }

    /// Whether a key has the form of a staging key, of whichever catalog.
    static func hasForm(_ key: String) -> Bool { parts(of: key) != nil }

    private static func parts(of key: String) -> (UploadID, UploadID)? {
        let bytes = Array(key.utf8)
        let length = UploadID.length
        guard bytes.count == 2 * length + 1, [UInt8(ascii: "."), UInt8(ascii: "/")].contains(bytes[length]),
            let id = UploadID(String(decoding: bytes[..<length], as: UTF8.self)),
            let file = UploadID(String(decoding: bytes[(length + 1)...], as: UTF8.self))
        else { return nil }
        return (id, file)
    }
}
