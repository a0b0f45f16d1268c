public import FPFormats
import FPUploads

/// What an application lets one client do, for a while. docs/policies.md has the format.
public struct UploadPolicy: Sendable, Equatable {
    /// From when on it no longer holds, in seconds since 1970.
    public var expires: Int64
    /// From when on it holds, in seconds since 1970; `nil` for at once.
    public var notBefore: Int64?
    /// Whose the uploads are; `nil` for nobody's.
    public var owner: String?
    /// What the client may do, in the application's own words.
    public var scopes: [String] = []
    /// The policy's own name: policies of one key and one name share their count.
    public var id: String?
    /// The most bytes of one upload; `nil` for as many as any upload may have.
    public var maxSize: UInt64?
    /// The most files of one upload; `nil` for as many as any upload may have.
    public var maxFiles: Int?
    /// How many uploads may begin; `nil` for any number. It needs ``id``.
    public var count: Int64?
    /// Which files are taken; empty for those that any upload may hold.
    public var types: [TypePattern] = []
    /// Where an upload is stored as soon as it is whole, with `{id}` and `{name}` to fill in; `nil` for nowhere.
    public var path: String?
    /// The store for ``path``; `nil` for the default one.
    public var store: String?
    /// Which endpoints it opens.
    public var operations = PolicyOperation.uploading

    /// A policy that lets nobody in particular upload until then.
    public init(expires: Int64) {
        self.expires = expires
    }

    /// Makes sure that it holds at a moment, in seconds since 1970.
    /// - Throws: ``PolicyError`` if it does not hold yet, or no longer.
    public func check(at now: Int64) throws(PolicyError) {
        if now >= expires { throw PolicyError("The upload policy has expired; ask the application for a new one.") }
        if let notBefore, now < notBefore { throw PolicyError("The upload policy does not hold yet.") }
    }
    /// What its bearer may do with uploads.
    /// - Parameter key: the id of the key that signed it.
    func allowance(signedBy key: String) -> Allowance {
        var allowance = Allowance()
        allowance.terms.maxSize = maxSize
        allowance.terms.types = types
        allowance.terms.path = path
        allowance.terms.store = store
        // A path is for one file. Others would lie beside it, under names that the client chooses.
        allowance.maxFiles = maxFiles ?? (path == nil ? nil : 1)
        if let id, let count {
            let end = Timestamp(milliseconds: expires * 1000)
            allowance.count = UploadCount(name: "policy \(key) \(id)", limit: count, until: end)
        }
        return allowance
    }
}
