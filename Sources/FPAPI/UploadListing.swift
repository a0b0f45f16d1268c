import FPFormats
import FPHTTP
import FPUploads

/// What the query of a listing asks for.
enum UploadListing: Equatable {
    /// The page of a search.
    case search(UploadQuery)
    /// The one upload that is stored at a path.
    case path(String, store: String?, metadata: Bool)

    private static let names = [
        "state", "store", "path_prefix", "path", "name", "owner", "created_from", "created_before", "verified_before",
        "order", "limit",
        "cursor", "metadata",
    ]

    init(_ query: RequestQuery) throws(Problem) {
        var values: [String: String] = [:]
        for (name, value) in query.pairs {
            guard Self.names.contains(name) else {
                throw Problem(
                    .badRequest,
                    "The parameter \"\(Substring(name.unicodeScalars.prefix(40)))\" is not known here; known are \(Self.names.joined(separator: ", "))."
                )
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw Problem(.badRequest, "The parameter \"\(name)\" is there twice.")
            }
        }
        if let path = values.removeValue(forKey: "path") {
            let store = values.removeValue(forKey: "store")
            let metadata = try Self.wantsMetadata(values.removeValue(forKey: "metadata"))
            if let other = Self.names.first(where: { values[$0] != nil }) {
                throw Problem(
                    .badRequest,
                    "The parameter \"path\" names one upload; it goes with \"store\" and \"metadata\" only, "
                        + "not with \"\(other)\".")
            }
            self = .path(path, store: store, metadata: metadata)
        } else {
            self = .search(try Self.search(values))
        }
    }

    private static func search(_ values: [String: String]) throws(Problem) -> UploadQuery {
        var query = UploadQuery()
        query.states = try states(values["state"])
        query.store = values["store"]
        if let prefix = values["path_prefix"] {
            guard query.states ?? [.stored] == [.stored] else {
                throw Problem(
                    .badRequest,
                    "The parameter \"path_prefix\" goes with state=stored only: no other upload has a path.")
            }
            query.states = [.stored]
            query.keyPrefix = NormalForm.composed(prefix.without(prefix: "/").map(String.init) ?? prefix)
        }
        // Names and paths are kept in this form.
        query.name = values["name"].map(NormalForm.composed)
        query.owner = values["owner"]
        query.createdFrom = try time("created_from", values)
        query.createdBefore = try time("created_before", values)
        query.verifiedBefore = try time("verified_before", values)
        query.newestFirst = try isNewestFirst(values["order"])
        query.limit = try limit(values["limit"])
        query.cursor = values["cursor"]
        query.includesMetadata = try Self.wantsMetadata(values["metadata"])
        return query
    }

    /// One state, or several with commas between them.
    private static func states(_ value: String?) throws(Problem) -> Set<UploadState>? {
        guard let value else { return nil }
        var states: Set<UploadState> = []
        for word in value.parts(at: ",") {
            guard let state = UploadState(rawValue: String(word)), state != .deleting else {
                // What is being deleted is gone for every reader.
                let known = UploadState.allCases.filter { $0 != .deleting }.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    .badRequest, "The parameter \"state\" takes \(known), or several of them with commas between.")
            }
            states.insert(state)
        }
        return states
    }

    private static func time(_ name: String, _ values: [String: String]) throws(Problem) -> Timestamp? {
        guard let value = values[name] else { return nil }
        guard let moment = InternetTime.parse(value) else {
            throw Problem(
                .badRequest, "The parameter \"\(name)\" must be a time such as 2025-03-01T12:00:00Z (RFC 3339).")
        }
        return Timestamp(milliseconds: moment)
    }

    private static func wantsMetadata(_ value: String?) throws(Problem) -> Bool {
        switch value {
        case nil, "false": false
        case "true": true
        default: throw Problem(.badRequest, "The parameter \"metadata\" takes true or false.")
        }
    }

    private static func isNewestFirst(_ value: String?) throws(Problem) -> Bool {
        switch value {
        case nil, "newest": true
        case "oldest": false
        default: throw Problem(.badRequest, "The parameter \"order\" takes newest or oldest.")
        }
    }

    private static func limit(_ value: String?) throws(Problem) -> Int {
        guard let value else { return UploadQuery().limit }
        let isNumber = !value.isEmpty && value.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let limit = Int(value), (1...1000).contains(limit) else {
            throw Problem(.badRequest, "The parameter \"limit\" must be a number from 1 to 1000.")
        }
        return limit
    }
}
