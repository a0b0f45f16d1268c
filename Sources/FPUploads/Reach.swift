/// Whose uploads somebody may use.
public enum Reach: Sendable, Equatable {
    /// Everybody's: the application's reach.
    case everybodys
    /// Those of that owner, and those that are nobody's, whose ids serve as the proof. `nil` for somebody of whom
    /// nothing is known.
    case own(String?)

    /// Whether an upload of that owner is among them for somebody who names its path. Paths can be guessed, so that they are
    /// no proof for an upload that is nobody's.
    public func includesByPath(_ owner: String?) -> Bool { self == .everybodys || owner != nil && includes(owner) }

    /// Whether an upload of that owner is among them, for somebody who names its id.
    public func includes(_ owner: String?) -> Bool {
        switch self {
        case .everybodys: true
        case .own(let name): owner.map { name?.utf8.elementsEqual($0.utf8) ?? false } ?? true
        }
    }
}

extension Uploads {
    /// Makes sure that somebody may use an upload. An upload's owner never changes, so what holds now holds for every
    /// later step. One that is unknown passes: what is asked of it then says so.
    /// - Throws: ``UploadError/Kind/foreign`` if it is somebody else's.
    public func require(_ id: UploadID, within reach: Reach) async throws(UploadError) {
        guard reach != .everybodys, let record = try await record(id) else { return }
        guard reach.includes(record.owner) else {
            throw UploadError(.foreign, "This upload is somebody else's.")
        }
    }
}
