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
    /// The policy's own name, at most once among those that a key signs.
    public var id: String?
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
}
