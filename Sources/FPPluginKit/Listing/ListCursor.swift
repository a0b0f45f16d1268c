/// Where a page of a list ended: at a name and not at a place, so that it holds for every process, and whatever is
/// written or removed in between.
public struct ListCursor: Sendable {
    private static let version: UInt8 = 1
    /// The name of the page's last entry; empty at the start of the list.
    public let name: [UInt8]

    /// Ends a page after an entry of this name.
    public init(after name: some Sequence<UInt8>) { self.name = Array(name) }

    /// Takes the cursor of a request apart; nil stands for the start of the list.
    /// - Throws: `.invalid` if it was not made by this type.
    public init(_ bytes: [UInt8]?) throws(PluginError) {
        guard let bytes else {
            name = []
            return
        }
        guard bytes.first == Self.version else {
            throw PluginError(.invalid, "the cursor is none of this plugin's")
        }
        name = Array(bytes.dropFirst())
    }

    /// What the store returns to the host: a byte for the cursor's version, then the name.
    public var bytes: [UInt8] { [Self.version] + name }
}

extension ListRequest {
    /// The name that the page comes after: that of its ``ListCursor`` or of `startAfter`, whichever is later by its
    /// bytes. Empty for the start of the list.
    /// - Throws: `.invalid` if the cursor is none of this plugin's.
    public func start() throws(PluginError) -> [UInt8] {
        let reached = try ListCursor(cursor).name
        let wanted = Array(startAfter.utf8)
        return reached.lexicographicallyPrecedes(wanted) ? wanted : reached
    }
}
