import FPFormats
import FPHTTP

extension UploadPolicy {
    /// Reads the JSON of a policy. What is not known is refused: it might be a restriction.
    /// - Throws: ``PolicyError`` with the member at fault.
    init(_ payload: [UInt8]) throws(PolicyError) {
        let json: JSON
        do throws(JSONError) {
            json = try JSON(parsing: payload)
        } catch {
            throw .malformed("its payload \(error.reason), at byte \(error.offset)")
        }
        var members = try PolicyMembers(json)
        guard let expires = try members.seconds("exp") else { throw .member("exp", "is missing; it says when it ends") }
        self.init(expires: expires)
        notBefore = try members.seconds("nbf")
        owner = try members.text("owner")
        id = try members.text("jti")
        scopes = try members.texts("scopes") ?? []
        for scope in scopes { try Self.check(scope: scope) }
        if let names = try members.texts("ops") { operations = try Self.operations(names) }
        try members.finish()
    }

    /// The policy's JSON, which ``init(_:)`` reads.
    public var json: JSON {
        var members: [JSON.Member] = []
        func add(_ name: String, _ value: JSON?) {
            if let value { members.append(JSON.Member(name: name, value: value)) }
        }
        add("exp", .integer(expires))
        add("nbf", notBefore.map { .integer($0) })
        add("owner", owner.map { .string($0) })
        add("jti", id.map { .string($0) })
        add("scopes", scopes.isEmpty ? nil : .array(scopes.map { .string($0) }))
        let isUsual = operations == PolicyOperation.uploading
        add("ops", isUsual ? nil : .array(operations.map { .string($0.rawValue) }))
        return .object(members)
    }

    /// As RFC 6749, section 3.3 has them.
    private static func check(scope: String) throws(PolicyError) {
        guard scope.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != 0x5C }) else {
            throw .member("scopes", "has a scope that is not one word of printable ASCII without quotes")
        }
        guard !scope.isSame(as: Caller.applicationScope) else {
            throw .member("scopes", "has \"\(scope)\", which only the application itself may have")
        }
    }

    private static func operations(_ names: [String]) throws(PolicyError) -> [PolicyOperation] {
        var operations: [PolicyOperation] = []
        for name in names {
            guard let operation = PolicyOperation(rawValue: name) else {
                let known = PolicyOperation.allCases.map(\.rawValue).joined(separator: ", ")
                throw .member("ops", "has \(quoted(name)), which is none of \(known)")
            }
            operations.append(operation)
        }
        return operations
    }
}
