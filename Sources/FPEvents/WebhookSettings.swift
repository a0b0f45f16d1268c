public import FPFetch

/// How applications are told of events.
public struct WebhookSettings: Sendable {
    /// An application that is told.
    public struct Receiver: Sendable {
        /// The name by which its deliveries are on record.
        public var name: String
        /// The http or https URL that each event is sent to.
        public var url: String
        /// What each delivery is signed with: by each of them, so that one can take the place of another without a gap.
        public var secrets: [WebhookSecret]

        /// A receiver as given.
        public init(name: String, url: String, secrets: [WebhookSecret]) {
            self.name = name
            self.url = url
            self.secrets = secrets
        }
    }

    /// Who is told.
    public var receivers: [Receiver]
    /// How long an answer may take.
    public var timeout = Duration.seconds(15)
    /// Deliveries to one receiver that are under way at once.
    public var concurrency = 8
    /// Private hosts that may be sent to all the same.
    public var allow = HostList.none
    /// When a delivery that failed is tried again.
    public var schedule = RetrySchedule()

    /// Settings with everything but the receivers at its default.
    public init(receivers: [Receiver]) { self.receivers = receivers }
}
