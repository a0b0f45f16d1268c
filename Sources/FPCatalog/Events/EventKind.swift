/// What has become of an upload that an application wants to be told.
public enum EventKind: String, Sendable, CaseIterable {
    /// Every file is whole in staging.
    case completed = "upload.completed"
    /// Every file is where the application wanted it.
    case stored = "upload.stored"
    /// The application, or the client that takes its upload back, has ended it.
    case deleted = "upload.deleted"
    /// Nobody claimed it in time.
    case expired = "upload.expired"
    /// It could not be received or stored, or what had been complete is so no more, through no wish of anybody's.
    case failed = "upload.failed"
}

/// Why an upload ends.
public enum UploadEnd: String, Sendable, CaseIterable {
    /// Its client takes it back.
    case reverted
    /// The application deletes it.
    case deleted
    /// The application deletes it here and keeps its files where they are.
    case released
    /// Another is stored in its place, as the application asked.
    case replaced
    /// Nobody claimed it in time.
    case expired
    /// What has arrived of it shows that it is none that is taken.
    case refused
    /// It could not be stored where that had been agreed, so its client was told that it has failed.
    case notStored = "not_stored"

    /// As what it is told.
    public var kind: EventKind {
        switch self {
        case .reverted, .deleted, .released, .replaced: .deleted
        case .expired: .expired
        case .refused, .notStored: .failed
        }
    }
}

/// Somebody who is told of events.
public struct EventReceiver: Sendable, Equatable {
    /// The name by which its deliveries are on record.
    public var name: String
    /// What it is told of.
    public var kinds: Set<EventKind>

    /// A receiver as given.
    public init(name: String, kinds: Set<EventKind> = Set(EventKind.allCases)) {
        self.name = name
        self.kinds = kinds
    }
}
