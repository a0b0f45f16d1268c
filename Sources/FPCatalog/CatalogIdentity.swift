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

    /// The upload for which this catalog made a key, in one of the forms of ``parts(ofKey:)``; `nil` for any other key.
    public func upload(ofKey key: String) -> UploadID? {
        guard let (upload, name) = Self.parts(ofKey: key), made(name, for: upload) else { return nil }
        return upload
    }

    /// The upload and the name in a key that has the form of one that a catalog made, whichever that was: `<upload
    /// id>.<name>`, and of older releases `<upload id>/<name>`.
    public static func parts(ofKey key: String) -> (upload: UploadID, name: UploadID)? {
        let bytes = Array(key.utf8)
        let length = UploadID.length
        guard bytes.count == 2 * length + 1, [UInt8(ascii: "."), UInt8(ascii: "/")].contains(bytes[length]),
            let upload = UploadID(String(decoding: bytes[..<length], as: UTF8.self)),
            let name = UploadID(String(decoding: bytes[(length + 1)...], as: UTF8.self))
        else { return nil }
        return (upload, name)
    }

    private func name(for upload: UploadID, _ random: [UInt8]) -> UploadID {
        var hash = SipHash(key: key)
        hash.append("name\0".utf8)
        hash.append(upload.description.utf8)
        hash.append(random)
        return UploadID(letters: random + UploadID.letters(of: hash.finish()))
    }
}
