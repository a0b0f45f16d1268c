/// What a request is about to do, by the name that the settings know it under: a kind of endpoint. ``Permissions`` say
/// who may. Whoever brings a new kind of endpoint adds a constant of this type.
public struct Access: Sendable, Hashable {
    /// The name, for settings and messages.
    public let name: String

    /// Whether it only reads, so that nothing comes of it if another site's page makes a visitor's browser ask.
    public let isSafe: Bool

    /// A kind of access by its name, which must be no other's.
    public init(_ name: String, isSafe: Bool = false) {
        self.name = name
        self.isSafe = isSafe
    }

    /// Nothing that needs protection: the authenticators are not even asked who the caller is.
    public static let anyone = Access("anyone", isSafe: true)
}
