/// The id and the key by which a catalog recognises what it made. They never change, and a copy of the database has the
/// same.
public struct CatalogIdentity: Sendable, Equatable {
    /// The catalog's own name: 128 random bits as 32 hexadecimal digits. No secret.
    public let id: String
    /// Where the catalog lives, for whoever runs it; never for clients.
    public let place: String

    private let key: [UInt8]

    /// Makes an identity as given.
    /// - Parameters:
    ///   - id: 16 random bytes, to be shown.
    ///   - key: 16 random bytes, kept secret: whoever has them can make names that this catalog takes for its own.
    ///   - place: where the catalog lives.
    public init(id: [UInt8], key: [UInt8], place: String) {
        precondition(id.count == 16 && key.count == 16)
        self.id = Hex.encode(id)
        self.key = key
        self.place = place
    }

    /// A new name for something of an upload, which ``made(_:for:)`` knows again without any record: half of it is
    /// random, the other half a tag that only this catalog can make.
    public func newName(for upload: UploadID) -> UploadID {
        name(for: upload, UploadID.letters(of: .random(in: .min ... .max)))
    }

    /// Whether ``newName(for:)`` of this catalog made that name for that upload. Of other names one in 2^64 is taken
    /// for its own.
    public func made(_ name: UploadID, for upload: UploadID) -> Bool {
        self.name(for: upload, Array(name.description.utf8.prefix(UploadID.length / 2))) == name
    }

    private func name(for upload: UploadID, _ random: [UInt8]) -> UploadID {
        var hash = SipHash(key: key)
        hash.append("name\0".utf8)
        hash.append(upload.description.utf8)
        hash.append(random)
        return UploadID(letters: random + UploadID.letters(of: hash.finish()))
    }
}
