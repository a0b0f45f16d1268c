import FPFormats

extension Settings {
    /// `events`: who is told what becomes of uploads.
    public struct Events: Sendable, Equatable {
        /// An application that is told.
        public struct Webhook: Sendable, Equatable {
            /// Its name here.
            public var name: String
            /// The http or https URL that events are sent to; it may hold a key.
            public var url: Secret
            /// What they are signed with, each `whsec_` and base64.
            public var secrets: [Secret]
        }

        /// What it is told of.
        public enum Kind: String, Sendable, CaseIterable {
            /// Every file is whole.
            case completed
            /// The application has it.
            case stored
            /// Somebody deleted it.
            case deleted
            /// Nobody claimed it.
            case expired
            /// It could not be received or stored, or has lost its bytes.
            case failed
        }

        /// Who is told, in the order of their names.
        public var webhooks: [Webhook]
        /// What all of them are told of.
        public var kinds: [Kind]
        /// How long an answer may take.
        public var timeout: Duration
        /// Deliveries to one webhook that are under way at once.
        public var concurrency: Int
        /// Hosts outside of the public internet that may be sent to.
        public var allow: [HostRule]
        /// How long what was delivered or given up stays on record.
        public var keep: Duration
    }
}

extension Settings.Events {
    static let keys: [OptionSchema] = [
        OptionSchema(
            "events.webhooks", .stringMap, .secret,
            help: "Who is told what becomes of uploads: names, each with the URL that events are sent to. Without it, "
                + "nobody is told, and no event is written."),
        OptionSchema(
            "events.secrets", .stringMap, .secret,
            help:
                "What is sent to each of them is signed with: by name, `whsec_` and 24 to 64 bytes in base64; two of them "
                + "with a blank between while one takes the place of the other."),
        OptionSchema(
            "events.kinds", .stringList, default: Kind.allCases.map(\.rawValue).joined(separator: ", "),
            help: "What they are told of."),
        OptionSchema(
            "events.timeout", .duration, default: "15s", min: 1, max: 300_000,
            help: "How long an answer may take. What is not taken is sent again, for about three days."),
        OptionSchema(
            "events.concurrency", .int, default: "8", min: 1, max: 1024,
            help: "Events that are sent to one of them at once; those of one upload one after the other."),
        OptionSchema(
            "events.allow", .stringList,
            help:
                "Private addresses, blocks (`10.0.0.0/8`) and host names (`*.example.org` is all below one) that may be "
                + "sent to in spite of being private."),
        OptionSchema(
            "events.keep", .duration, default: "7d", min: 1000, max: 315_360_000_000,
            help: "How long what was delivered or given up stays on record."),
    ]
}

extension SettingsDecoder {
    func events() -> Settings.Events {
        let secrets = values.items("events.secrets")
        let webhooks = values.items("events.webhooks").compactMap { node -> Settings.Events.Webhook? in
            guard let name = node.key, !name.isEmpty, name.utf8.count <= 63 else {
                complain(node, "\"events.webhooks\" has a name that is empty or longer than 63 bytes; shorten it")
                return nil
            }
            if let complaint = HTTPURL.complaint(about: node.text) {
                complain(node, "the URL of \(quoted(name)) in \"events.webhooks\" \(complaint)")
            }
            guard let secret = secrets.first(where: { $0.key?.isSame(as: name) ?? false }) else {
                complain(
                    node,
                    "\(quoted(name)) in \"events.webhooks\" has no secret in \"events.secrets\", so nobody could tell its "
                        + "events from forged ones; make one with: echo whsec_$(openssl rand -base64 32)")
                return nil
            }
            return Settings.Events.Webhook(name: name, url: Secret(node.text), secrets: self.secrets(secret, of: name))
        }
        for node in secrets where !values.items("events.webhooks").contains(where: { $0.key == node.key }) {
            complain(
                node, "\(quoted(node.key ?? "")) in \"events.secrets\" is not in \"events.webhooks\"; add its URL there"
            )
        }
        if let node = values["events.kinds"], node.children.isEmpty {
            complain(node, "\"events.kinds\" is empty; name one, or leave the key out for all")
        }
        return Settings.Events(
            webhooks: webhooks.sorted { $0.name < $1.name }, kinds: parsed("events.kinds", Self.kind),
            timeout: values.duration("events.timeout"), concurrency: values.int("events.concurrency"),
            allow: parsed("events.allow", HostRule.parse), keep: values.duration("events.keep"))
    }

    private static func kind(_ text: String) -> Result<Settings.Events.Kind, Complaint> {
        if let kind = Settings.Events.Kind(rawValue: text) { return .success(kind) }
        let known = Settings.Events.Kind.allCases.map(\.rawValue).joined(separator: ", ")
        return .failure(Complaint("is no kind of event; known are \(known)"))
    }

    private func secrets(_ node: CheckedNode, of name: String) -> [Secret] {
        let texts = node.text.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
        let isGood = texts.allSatisfy { text in
            let bytes = text.without(prefix: "whsec_").flatMap { Base64.decoded($0.utf8) }
            return bytes.map { (24...64).contains($0.count) } ?? false
        }
        if texts.isEmpty || !isGood {
            complain(
                node,
                "the secret of \(quoted(name)) in \"events.secrets\" is not whsec_ and 24 to 64 bytes in base64; make one "
                    + "with: echo whsec_$(openssl rand -base64 32)")
        }
        return texts.map { Secret($0) }
    }
}
