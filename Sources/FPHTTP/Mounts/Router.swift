import FPFormats
public import HTTPTypes
public import Logging

/// Finds the mount that a request is for, asks the gatekeeper, and words what goes wrong in that mount's form.
///
/// A request goes to the mount with the longest path that its own path begins with; of mounts with the same path, to
/// the first in the table that takes it.
public struct Router: RequestHandler {
    private let table: [Route]
    private let gatekeeper: Gatekeeper
    private let elsewhere: ProblemForm
    private let logger: Logger

    /// The methods of all mounts, in the order of the table, and `OPTIONS`.
    public let methods: [HTTPRequest.Method]

    /// The names of the response fields that any mount exposes to pages of other origins, in the order of the table.
    public let exposedFields: [HTTPField.Name]

    /// A router over a table.
    /// - Parameters:
    ///   - table: What is served. The order counts for mounts that share a path, and in CORS fields.
    ///   - gatekeeper: Is asked before every mount.
    ///   - elsewhere: The form of a problem at an address that is no mount's.
    ///   - logger: Takes what only the operator may know of a problem.
    public init(_ table: [Route], gatekeeper: Gatekeeper, elsewhere: ProblemForm, logger: Logger) {
        self.table = table
        self.gatekeeper = gatekeeper
        self.elsewhere = elsewhere
        self.logger = logger
        methods = Self.unique(table.flatMap(\.mount.methods).filter { $0 != .options }) + [.options]
        exposedFields = Self.unique(table.flatMap(\.mount.exposedFields))
    }

    private static func unique<Element: Equatable>(_ elements: [Element]) -> [Element] {
        elements.reduce(into: []) { found, element in
            if !found.contains(element) { found.append(element) }
        }
    }

    /// Answers from the request's mount, or with the problem that kept it from answering.
    public func respond(to request: Request) async -> Response {
        let segments = request.path.segments
        // OPTIONS * asks about the server as a whole.
        if segments.isEmpty {
            return .options(allow: methods)
        }
        guard let (mount, rest) = find(request, segments) else {
            return elsewhere.response(to: .unknownAddress, requestID: request.id)
        }
        do {
            let action = mount.action(for: request, rest: rest)
            return try await action.response(try await gatekeeper.admit(request, to: action.access))
        } catch {
            let problem = Problem(any: error)
            problem.log(logger, request)
            return mount.problems.response(to: problem, requestID: request.id)
        }
    }

    private func find(_ request: Request, _ segments: [String]) -> (any Mount, ArraySlice<String>)? {
        var best: (route: Route, rest: ArraySlice<String>)?
        for route in table {
            if let best, best.route.path.segments.count >= route.path.segments.count { continue }
            guard let rest = route.path.rest(of: segments), route.mount.takes(request, rest: rest) else { continue }
            best = (route, rest)
        }
        return best.map { ($0.route.mount, $0.rest) }
    }

    /// In the form of the mount whose path begins with the target's first segment: a target that is refused need not
    /// have another that can be read. One that could not be read at all is answered with a problem document, which
    /// says what every other form says.
    public func refusal(
        _ status: HTTPResponse.Status, _ sentence: String, target: String?, requestID: String
    ) -> Response {
        let form = target.map { formOfMount(at: RequestTarget.firstSegment(of: $0)) }
        return (form ?? .document).response(to: Problem(status, sentence), requestID: requestID)
    }

    private func formOfMount(at firstSegment: String) -> ProblemForm {
        let routes = table.filter { $0.path.segments.first?.isSame(as: firstSegment) ?? true }
        // Of paths that begin with the segment, the shortest has the most addresses below it; the root of all paths
        // has what is left.
        let named = routes.filter { !$0.path.segments.isEmpty }
        let route = (named.isEmpty ? routes : named).min { $0.path.segments.count < $1.path.segments.count }
        return route?.mount.problems ?? elsewhere
    }
}

extension Problem {
    /// No mount has the address.
    public static let unknownAddress = Problem(.notFound, "There is nothing at this address.")
}
