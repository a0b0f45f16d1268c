/// Who brings an upload.
public struct Uploader: Sendable {
    /// The owner that is put on record; `nil` for none.
    public var owner: String?
    /// The address that the bytes come from, for limits; `nil` if there is none.
    public var address: String?

    /// An uploader as given.
    public init(owner: String? = nil, address: String? = nil) {
        self.owner = owner
        self.address = address
    }
}
