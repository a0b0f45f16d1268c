public import FPFormats

extension Settings {
    /// `permissions`: who may do what.
    public struct Permissions: Sendable, Equatable {
        /// The endpoints that have rules of their own, in the order of docs/settings.md: those of the FilePond client by
        /// the names that django-drf-filepond gives to them, and those of the application API.
        public static let endpoints =
            filePondEndpoints.map(\.name) + apiEndpoints.map(\.name)

        static let filePondEndpoints: [(name: String, what: String)] = [
            ("POST_PROCESS", "begins an upload"), ("PATCH_PATCH", "sends a chunk"),
            ("HEAD_PATCH", "asks how far an upload has come; FilePond sends no header fields of the page here"),
            ("DELETE_REVERT", "takes a temporary upload back"), ("GET_LOAD", "reads a stored upload"),
            ("GET_RESTORE", "reads a temporary upload"), ("GET_FETCH", "has the server get a file from a URL"),
        ]
        static let apiEndpoints: [(name: String, what: String)] = [
            ("API_READ", "lists and reads uploads by the application API"), ("API_STORE", "stores an upload"),
            ("API_DELETE", "deletes an upload"),
        ]

        /// The rules of the endpoints that the file names.
        public var rules: [String: [Rule]]
        /// The rules of the FilePond endpoints that it does not name; nil to have safe ones chosen.
        public var standard: [Rule]?

        /// Permissions as given.
        public init(rules: [String: [Rule]] = [:], standard: [Rule]? = nil) {
            self.rules = rules
            self.standard = standard
        }
    }

    /// What must hold of who asks for an endpoint.
    public enum Rule: Sendable, Hashable {
        /// Nothing.
        case allowAny
        /// It is known who asks.
        case isAuthenticated
        /// The upload is the asker's own.
        case isOwner
        /// The credentials carry the scope.
        case hasScope(String)
        /// The asker has the role.
        case hasRole(String)
        /// The request comes from one of the blocks.
        case fromNetwork([AddressBlock])
    }
}

extension Settings.Rule {
    private static let known =
        "AllowAny, IsAuthenticated, IsOwner, HasScope(name), HasRole(name) or FromNetwork(block)"

    /// Reads a rule as the file writes it: `HasScope(upload)`. Several blocks stand in one rule with blanks between them.
    static func parse(_ text: String) -> Result<Settings.Rule, Complaint> {
        guard let (name, rest) = text.cut(at: "("), let inside = rest.without(suffix: ")") else {
            return switch text {
            case "AllowAny": .success(.allowAny)
            case "IsAuthenticated": .success(.isAuthenticated)
            case "IsOwner": .success(.isOwner)
            default: .failure(Complaint("is no rule; a rule is \(known)"))
            }
        }
        let argument = inside.trimmingBlanks()
        guard !argument.isEmpty else { return .failure(Complaint("names nothing between its brackets")) }
        switch String(name) {
        case "HasScope": return word(argument).map { .hasScope($0) }
        case "HasRole": return word(argument).map { .hasRole($0) }
        case "FromNetwork":
            var blocks: [AddressBlock] = []
            for part in argument.parts(at: " ") where !part.isEmpty {
                switch AddressBlock.parse(String(part)) {
                case .success(let block): blocks.append(block)
                case .failure(let complaint): return .failure(complaint)
                }
            }
            return .success(.fromNetwork(blocks))
        default: return .failure(Complaint("is no rule; a rule is \(known)"))
        }
    }

    /// Scopes are written with blanks between them where credentials carry them (RFC 6749, section 3.3).
    private static func word(_ text: Substring) -> Result<String, Complaint> {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C }) else {
            return .failure(Complaint("must name one word of printable ASCII without quotes"))
        }
        return .success(String(text))
    }
}

extension SettingsDecoder {
    /// Opens every endpoint of the FilePond client, if it stands alone.
    private static let open = "open"

    func permissions() -> Settings.Permissions {
        var permissions = Settings.Permissions()
        permissions.standard = rules("permissions.default")
        for name in Settings.Permissions.endpoints {
            if let rules = rules("permissions." + name) { permissions.rules[name] = rules }
        }
        return permissions
    }

    /// What the file gives, or nil. Of a list with something wrong in it nothing is left, so that an endpoint with too
    /// few rules never comes of it.
    private func rules(_ key: String) -> [Settings.Rule]? {
        guard let node = values[key] else { return nil }
        if node.children.count == 1, node.children[0].text == Self.open { return [.allowAny] }
        let rules = parsed(key, Settings.Rule.parse)
        if node.children.isEmpty {
            complain(node, "\(quoted(key)) is empty; write AllowAny if everybody may, or the rules that must hold")
        }
        if rules.count > 1, rules.contains(.allowAny) {
            complain(
                node, "\(quoted(key)) has AllowAny among other rules, which all must hold; remove it, or the others")
        }
        if key == "permissions.POST_PROCESS", rules.contains(.isOwner) {
            complain(node, "\(quoted(key)) has IsOwner, but an upload that only begins has no owner yet; remove it")
        }
        return rules
    }
}
