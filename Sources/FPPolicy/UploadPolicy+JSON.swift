import FPFormats
import FPHTTP
import FPUploads

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
        maxSize = try members.integer("max_size", 0...Int64.max).map { UInt64($0) }
        maxFiles = try members.integer("max_files", 1...1_000_000).map { Int($0) }
        count = try members.integer("count", 1...1_000_000_000)
        guard count == nil || id != nil else {
            throw .member("count", "needs the member \"jti\", by which it is counted")
        }
        types = try Self.types(members.texts("types") ?? [])
        path = try members.text("path")
        if let path { try Self.check(path: path) }
        store = try members.text("store")
        guard store == nil || path != nil else { throw .member("store", "needs the member \"path\"") }
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
        add("max_size", maxSize.map { .integer($0) })
        add("max_files", maxFiles.map { .integer($0) })
        add("count", count.map { .integer($0) })
        add("types", types.isEmpty ? nil : .array(types.map { .string($0.description) }))
        add("path", path.map { .string($0) })
        add("store", store.map { .string($0) })
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

    private static func types(_ texts: [String]) throws(PolicyError) -> [TypePattern] {
        var types: [TypePattern] = []
        for text in texts {
            switch TypePattern.parse(text) {
            case .success(let type): types.append(type)
            case .failure(let complaint): throw .member("types", "has \(quoted(text)), which \(complaint.text)")
            }
        }
        return types
    }

    private static func check(path: String) throws(PolicyError) {
        do throws(UploadError) {
            try PathTemplate.check(path)
        } catch {
            throw .member("path", "cannot be used: \(error.message.without(suffix: ".") ?? "")")
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
