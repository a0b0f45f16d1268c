/// What a caller must have been granted for a request: a name that mounts and authenticators agree on. Whoever brings a
/// new kind of access adds a constant of this type.
public struct Access: Sendable, Hashable {
    /// The name, for messages.
    public let name: String

    /// A kind of access by its name, which must be no other's.
    public init(_ name: String) {
        self.name = name
    }

    /// Nothing at all: the authenticators are not even asked who the caller is.
    public static let anyone = Access("anyone")

    /// What a visitor of the application's pages may do: upload, and load or take back uploads by their ids.
    public static let visitor = Access("visitor")

    /// What the application behind the page may do with everybody's uploads.
    public static let application = Access("application")
}
