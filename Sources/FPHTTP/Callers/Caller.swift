/// Who sends a request, as far as the server knows.
public struct Caller: Sendable, Equatable {
    /// What kind of caller it is, for messages: `nobody`, `token`, `page`, or an authenticator's own word.
    public let kind: String
    /// The owner of the uploads that it creates; `nil` for none.
    public let owner: String?
    private let grants: Set<Access>

    /// A caller with what it has been granted beyond ``Access/anyone``.
    public init(kind: String, owner: String? = nil, grants: Set<Access> = []) {
        self.kind = kind
        self.owner = owner
        self.grants = grants
    }

    /// An anonymous caller.
    public static let nobody = Caller(kind: "nobody")

    /// Whether it has been granted that access.
    public func has(_ access: Access) -> Bool { access == .anyone || grants.contains(access) }
}
