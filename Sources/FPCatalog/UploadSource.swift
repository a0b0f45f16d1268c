/// Where an upload comes from that is about to be added, and how many may be arriving from there at once, this one
/// included. It is kept beside the upload until that is stored or gone, and no record shows it.
public struct UploadSource: Sendable, Equatable {
    /// What tells it from others.
    public var name: String
    /// How many uploads may be arriving from there.
    public var inProgress: Int

    /// A source as given.
    public init(name: String, inProgress: Int) {
        self.name = name
        self.inProgress = inProgress
    }
}
