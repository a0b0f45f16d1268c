/// What a caller must have been granted for a request: a name that mounts and authenticators agree on. Whoever brings a
/// new kind of access adds a constant of this type.
public struct Access: Sendable, Hashable {
    /// The name, for messages.
    public let name: String

    /// A kind of access by its name, which must be no other's.
    public init(_ name: String) {
        self.name = name
    }

    /// No more than to send the request.
    public static let anyone = Access("anyone")

    /// What the application behind the page may do with everybody's uploads.
    public static let application = Access("application")
}
