import FPAPI
import FPFormats
import FPHTTP
import FPUploads
import HTTPTypes

/// `/readyz`: whether uploads can be received and stored. Says what is wrong with which store or the catalog, and since
/// when; nothing that only the operator may know.
package struct ReadinessPage: Mount {
    private let uploads: Uploads

    package init(uploads: Uploads) {
        self.uploads = uploads
    }

    package var methods: [HTTPRequest.Method] { [.get, .head] }

    package var accesses: [Access] { [] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in try await respond(to: request) }
    }

    private func respond(to request: Request) async throws -> Response {
        guard methods.contains(request.method) else { throw Problem.wrongMethod(request.method, allow: methods) }
        let report = await uploads.health()
        var response = Response.json(report.isReady ? .ok : .serviceUnavailable, Self.document(report))
        if !report.isReady { response.headers[.retryAfter] = "5" }
        return response
    }

    private static func document(_ report: HealthReport) -> JSON {
        let stores = report.stores.map { JSON.Member(name: $0.store, value: .string($0.status.rawValue)) }
        var members: [JSON.Member] = [
            JSON.Member(name: "status", value: .string(report.isReady ? "ok" : "unavailable")),
            JSON.Member(name: "stores", value: .object(stores)),
            JSON.Member(name: "catalog", value: .string(report.catalog.rawValue)),
        ]
        if !report.problems.isEmpty {
            members.append(JSON.Member(name: "problems", value: .array(report.problems.map(problem))))
        }
        return .object(members)
    }

    private static func problem(_ problem: HealthReport.Problem) -> JSON {
        let place =
            problem.store.map { JSON.Member(name: "store", value: .string($0)) }
            ?? JSON.Member(name: "catalog", value: .bool(true))
        return .object([
            place, JSON.Member(name: "problem", value: .string(problem.code)),
            JSON.Member(name: "detail", value: .string(problem.message)),
            JSON.Member(
                name: "since", value: .string(InternetTime.text(millisecondsSince1970: problem.since.milliseconds))),
        ])
    }
}
