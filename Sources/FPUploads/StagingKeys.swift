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
    func upload(of key: String) -> UploadID? { identity.upload(ofKey: key) }

    /// Whether a key has the form of a staging key, of whichever catalog.
    static func hasForm(_ key: String) -> Bool { CatalogIdentity.parts(ofKey: key) != nil }
}
