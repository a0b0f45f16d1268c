/// Who brings an upload.
public struct Uploader: Sendable {
    /// The owner that is put on record; `nil` for none.
    public var owner: String?
    /// The address that the bytes come from, for limits; `nil` if there is none.
    public var address: String?
    /// What it may do; `nil` for what the settings let everybody do.
    public var allowance: Allowance?

    /// An uploader as given.
    public init(owner: String? = nil, address: String? = nil, allowance: Allowance? = nil) {
        self.owner = owner
        self.address = address
        self.allowance = allowance
    }

    /// What is put on record of it with each upload; `nil` for nothing.
    var terms: UploadTerms? { allowance.flatMap { $0.terms.isEmpty ? nil : $0.terms } }
}
