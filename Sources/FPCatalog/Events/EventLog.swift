/// The events of a catalog and how far each receiver has been told of them.
///
/// An event is written in the change that it tells of: none is missing, and none is there of a change that was not made.
/// Of one upload a receiver has at most one delivery at a time that is due; the later ones wait for its end.
public protocol EventLog: Sendable {
    /// Who is told of events, as the catalog was opened.
    var receivers: [EventReceiver] { get }

    /// Has `wake` called, on any thread, after changes that may have written events. It must not block.
    func watch(_ wake: @escaping @Sendable () -> Void)

    /// Deliveries to a receiver whose time has come, those first whose time came first, of one time the older event first.
    func due(to receiver: String, by now: Timestamp, limit: Int) async throws(CatalogError) -> [DueDelivery]

    /// When a delivery to a receiver becomes due next, after that moment; `nil` if none does.
    func nextTry(to receiver: String, after now: Timestamp) async throws(CatalogError) -> Timestamp?

    /// Writes down what came of an attempt. Does nothing if the delivery is not waiting any more, or was replayed
    /// meanwhile. The end of a delivery makes the upload's next one due.
    func record(_ outcome: AttemptOutcome, of delivery: DueDelivery, at now: Timestamp) async throws(CatalogError)

    /// One page of the events that match, oldest first, each with its deliveries.
    func events(matching query: EventQuery) async throws(CatalogError) -> [EventEntry]

    /// Makes deliveries due anew, as if they had never been tried. One whose upload has another that is waiting waits for
    /// that.
    /// - Returns: how many.
    func replay(_ selection: ReplaySelection, at now: Timestamp) async throws(CatalogError) -> Int

    /// Takes what waits for receivers that there are no more as dead.
    /// - Returns: how many deliveries.
    func retire(at now: Timestamp) async throws(CatalogError) -> Int

    /// Forgets deliveries that ended before that moment, and events without any.
    /// - Returns: how many deliveries, `limit` at most.
    func prune(before moment: Timestamp, limit: Int) async throws(CatalogError) -> Int
}

/// A delivery to be attempted.
public struct DueDelivery: Sendable, Equatable {
    /// The receiver's name.
    public var receiver: String
    /// The event's place in the order of all.
    public var number: Int64
    /// The event's own name, the same for each attempt and each receiver.
    public var id: String
    /// The upload's name.
    public var upload: String
    /// What the receiver is sent.
    public var payload: String
    /// How many attempts have failed.
    public var attempts: Int
    /// How often it was replayed.
    public var replays: Int
}

/// What came of an attempt.
public enum AttemptOutcome: Sendable, Equatable {
    /// The receiver has it.
    case delivered
    /// It is tried again then.
    case failed(String, next: Timestamp)
    /// It is not tried again.
    case dead(String)
}

/// How far a delivery has come.
public enum DeliveryState: String, Sendable, CaseIterable {
    /// It will be attempted.
    case waiting
    /// The receiver has it.
    case delivered
    /// It was given up.
    case dead
}

/// A delivery as it is listed.
public struct DeliveryEntry: Sendable, Equatable {
    /// The receiver's name.
    public var receiver: String
    /// How far it has come.
    public var state: DeliveryState
    /// How many attempts have been made.
    public var attempts: Int
    /// When it is tried next; `nil` if it is not waiting, or waits for another of the same upload.
    public var nextTry: Timestamp?
    /// Why the last attempt failed.
    public var lastError: String?
    /// When it was delivered or given up.
    public var endedAt: Timestamp?
}

/// An event with its deliveries.
public struct EventEntry: Sendable, Equatable {
    /// The place in the order of all; it rises, and none is used twice.
    public var number: Int64
    /// The event's own name.
    public var id: String
    /// What has happened.
    public var kind: String
    /// The upload's name.
    public var upload: String
    /// When it happened.
    public var happenedAt: Timestamp
    /// What receivers are sent.
    public var payload: String
    /// One for each receiver, in the order of their names.
    public var deliveries: [DeliveryEntry]
}

/// Which events a listing asks for. Fields that are `nil` do not restrict it.
public struct EventQuery: Sendable, Equatable {
    /// Events with a delivery in this state: to ``receiver``, if that is given too.
    public var state: DeliveryState?
    /// Events with a delivery to this receiver.
    public var receiver: String?
    /// Events of this upload.
    public var upload: String?
    /// Events behind this number.
    public var after: Int64 = 0
    /// The most events, from 1 to 1000; what is outside counts as the nearest of them.
    public var limit = 100

    /// A query for everything.
    public init() {}
}

/// Which deliveries are made anew.
public enum ReplaySelection: Sendable, Equatable {
    /// Those of one event, whatever their state; to one receiver, if one is named.
    case event(String, receiver: String?)
    /// The dead ones; to one receiver, if one is named.
    case dead(receiver: String?)
}
