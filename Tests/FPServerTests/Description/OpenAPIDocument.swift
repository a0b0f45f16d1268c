import FPFormats
import Foundation
import Testing

extension JSON {
    /// The member of an object.
    subscript(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// The names of an object's members.
    var names: [String] {
        guard case .object(let members) = self else { return [] }
        return members.map(\.name)
    }

    /// The strings of an array.
    var strings: [String] { elements.compactMap(\.string) }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var elements: [JSON] {
        guard case .array(let values) = self else { return [] }
        return values
    }
}

/// The document that a host answers with.
struct OpenAPIDocument: Sendable {
    /// What a path can be asked for.
    static let methods = ["get", "head", "post", "put", "patch", "delete", "options", "trace"]

    let root: JSON

    init(of house: ServerHouse) async throws {
        let reply = try await house.send("GET", "/api/v1/openapi.json")
        try #require(reply.status == 200)
        root = try JSON(parsing: reply.body)
    }

    /// The paths, as templates.
    var paths: [String] { root["paths"]?.names ?? [] }

    /// What can be asked for at a path.
    func methods(of path: String) -> [String] {
        (root["paths"]?[path]?.names ?? []).filter(Self.methods.contains)
    }

    /// The statuses that an operation can have.
    func statuses(_ path: String, _ method: String) -> [Int] {
        (root["paths"]?[path]?[method]?["responses"]?.names ?? []).compactMap { Int($0) }
    }

    /// A schema of the components.
    func schema(_ name: String) throws -> JSON {
        try #require(root["components"]?["schemas"]?[name], "no schema \(name)")
    }
}

/// Which members of a document's schemas have been seen in answers.
struct SeenMembers {
    let document: OpenAPIDocument
    private(set) var seen: Set<String> = []

    init(_ document: OpenAPIDocument) {
        self.document = document
    }

    /// Notes the members of an answer, and complains of those that the schema does not have and of those that it
    /// promises and the answer does not have.
    mutating func check(_ answer: JSON, against name: String) throws {
        let schema = try document.schema(name)
        let properties = try #require(schema["properties"], "the schema \(name) has no members")
        let missing = Set(schema["required"]?.strings ?? []).subtracting(answer.names)
        #expect(missing.isEmpty, "\(name) lacks \(missing.sorted())")
        for member in answer.names {
            guard let property = properties[member] else {
                Issue.record("\(name) has a member that is not documented: \(member)")
                continue
            }
            seen.insert("\(name).\(member)")
            let items = answer[member]?.elements ?? []
            guard let reference = property["items"]?["$ref"]?.string else { continue }
            let below = String(reference.split(separator: "/").last ?? "")
            for item in items { try check(item, against: below) }
        }
    }

    /// The members of schemas that no answer had.
    func unseen(of names: [String]) throws -> [String] {
        try names.flatMap { name in
            try document.schema(name)["properties"]?.names.map { "\(name).\($0)" } ?? []
        }.filter { !seen.contains($0) }
    }
}
