public import FPFormats

/// What was agreed of one upload when it began, beside what the settings say of all: it holds for its whole life, whoever
/// goes on with it.
public struct UploadTerms: Sendable, Equatable {
    /// The most bytes that it may hold, all of its files together; `nil` for as many as any upload.
    public var maxSize: UInt64?
    /// Which files it may hold; empty for those that any upload may.
    public var types: [TypePattern] = []
    /// Where it is stored as soon as it is whole, with places to fill in; `nil` for nowhere.
    public var path: String?
    /// The name of the store for ``path``; `nil` for the default one.
    public var store: String?
    /// What its client has stated of the main file's bytes, without which it is never complete.
    public var digests = DigestSet()

    /// No terms at all.
    public init() {}

    /// Whether nothing was agreed.
    public var isEmpty: Bool { self == UploadTerms() }
}

extension UploadTerms {
    /// As a database keeps it.
    package var json: JSON {
        var members: [JSON.Member] = []
        if let maxSize { members.append(JSON.Member(name: "max_size", value: .integer(maxSize))) }
        if !types.isEmpty {
            members.append(JSON.Member(name: "types", value: .array(types.map { .string($0.description) })))
        }
        if let path { members.append(JSON.Member(name: "path", value: .string(path))) }
        if let store { members.append(JSON.Member(name: "store", value: .string(store))) }
        if !digests.isEmpty { members.append(JSON.Member(name: "digests", value: .string(digests.description))) }
        return .object(members)
    }

    /// Reads what ``json`` wrote; `nil` for anything else, so that a term that is not known is never passed over.
    package init?(json text: String) {
        guard case .object(let members) = try? JSON(parsing: text.utf8) else { return nil }
        self.init()
        for member in members {
            switch (member.name, member.value) {
            case ("max_size", .number(let digits)):
                guard let size = UInt64(digits) else { return nil }
                maxSize = size
            case ("types", .array(let items)):
                for item in items {
                    guard case .string(let text) = item, let type = try? TypePattern.parse(text).get() else {
                        return nil
                    }
                    types.append(type)
                }
            case ("path", .string(let text)): path = text
            case ("store", .string(let text)): store = text
            case ("digests", .string(let text)):
                guard let stated = try? DigestSet(field: [text]) else { return nil }
                digests = stated
            default: return nil
            }
        }
    }
}

/// A number of uploads of which one more is about to be added.
public struct UploadCount: Sendable, Equatable {
    /// What is counted.
    public var name: String
    /// How many there may be.
    public var limit: Int64
    /// When the count may be forgotten.
    public var until: Timestamp

    /// A count as given.
    public init(name: String, limit: Int64, until: Timestamp) {
        self.name = name
        self.limit = limit
        self.until = until
    }
}
