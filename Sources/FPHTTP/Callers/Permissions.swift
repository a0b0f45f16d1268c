/// Which rules a caller must fulfil for each access: all of those that stand there.
public struct Permissions: Sendable, Equatable {
    private var rules: [Access: [Rule]]

    /// The rules of each access. Nobody has an access that is not among them.
    public init(_ rules: [Access: [Rule]]) {
        self.rules = rules
    }

    /// The rules of an access; `nil` if nobody has it.
    public subscript(_ access: Access) -> [Rule]? {
        get { rules[access] }
        set { rules[access] = newValue }
    }
}
