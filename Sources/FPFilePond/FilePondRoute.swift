import FPHTTP
import HTTPTypes

/// What a request to the FilePond dialect is about: one of the client's six endpoints, with the id, path or URL that
/// it names.
///
/// Each endpoint has an address of its own, as in django-drf-filepond (`<base>/patch/<id>`, `<base>/load/?id=`, …), and
/// all of them share the base address, where the query says which one is meant (`<base>?patch=<id>`).
struct FilePondRoute: Equatable {
    /// FilePond's words for what a server does.
    enum Endpoint: String, CaseIterable {
        case process, patch, revert, load, restore, fetch

        /// POST and PUT stand in for PATCH and DELETE where a firewall lets nothing else through: FilePond's `method`
        /// option sends them.
        var methods: [HTTPRequest.Method] {
            switch self {
            case .process: [.post, .put]
            case .patch: [.patch, .head, .post, .put]
            case .revert: [.delete, .post, .put]
            case .load, .restore: [.get, .head]
            case .fetch: [.get, .head, .post]
            }
        }

        /// The query's names for the operand, at the endpoint's own address.
        fileprivate var operandNames: [String] {
            switch self {
            case .fetch: [rawValue, "target"]
            default: [rawValue, "id"]
            }
        }
    }

    /// Why a request has no endpoint.
    enum Failure: Error, Equatable {
        /// There is nothing at that address.
        case unknownAddress
        /// The base address, without any word on what is meant.
        case missingParameter
        /// Not a method of what is at that address.
        case wrongMethod(allow: [HTTPRequest.Method])
        /// OPTIONS, which asks for the methods.
        case options(allow: [HTTPRequest.Method])
    }

    /// The methods of all endpoints together.
    static let allMethods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete]

    var endpoint: Endpoint
    /// The id, path or URL; `nil` if the address has none, empty if it has an empty one.
    var operand: String?

    /// Finds the endpoint.
    /// - Parameter rest: The path's segments below the base address.
    init(method: HTTPRequest.Method, rest: ArraySlice<String>, query: RequestQuery) throws(Failure) {
        // A slash too many means nothing: FilePond joins a url that ends in one with a path that begins with one.
        var rest = rest.drop(while: \.isEmpty)
        if rest.last == "" { rest.removeLast() }
        if let name = rest.first {
            guard let endpoint = Endpoint(rawValue: name) else { throw .unknownAddress }
            let below = rest.dropFirst()
            guard endpoint != .process || below.isEmpty else { throw .unknownAddress }
            try Self.check(method, endpoint.methods)
            self.endpoint = endpoint
            operand = below.isEmpty ? Self.operand(endpoint.operandNames, query) : below.joined(separator: "/")
            return
        }
        let named = query.pairs.lazy.compactMap { Endpoint(rawValue: $0.name) }.first { $0 != .process }
        guard let endpoint = named ?? Self.implied(by: method) else {
            try Self.check(method, Self.allMethods)
            throw .missingParameter
        }
        try Self.check(method, endpoint.methods)
        self.endpoint = endpoint
        operand = Self.operand([endpoint.rawValue], query)
    }

    /// What a method means at the base address when the query does not say.
    private static func implied(by method: HTTPRequest.Method) -> Endpoint? {
        switch method {
        case .post, .put: .process
        case .delete: .revert
        default: nil
        }
    }

    private static func check(_ method: HTTPRequest.Method, _ methods: [HTTPRequest.Method]) throws(Failure) {
        if method == .options { throw .options(allow: methods + [.options]) }
        guard methods.contains(method) else { throw .wrongMethod(allow: methods + [.options]) }
    }

    private static func operand(_ names: [String], _ query: RequestQuery) -> String? {
        names.lazy.compactMap { query.first($0) }.first
    }
}
