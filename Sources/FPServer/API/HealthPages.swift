import FPFormats
import FPHTTP
import FPUploads
import HTTPTypes
import NIOCore

/// What a supervisor and a load balancer ask.
struct HealthPages: Sendable {
    let uploads: Uploads

    /// `/healthz`: the process answers. Nothing else is looked at, so that a store's trouble does not restart the host.
    func health(_ request: Request) -> Response {
        Self.answer(request) { Self.response(.ok, ["status": .string("ok")]) }
    }

    /// `/readyz`: uploads can be received and stored. Says what is wrong with which store or the catalog, and since
    /// when; nothing that only the operator may know.
    func readiness(_ request: Request) async -> Response {
        await Self.answer(request) {
            let report = await uploads.health()
            let stores = report.stores.map {
                JSON.Member(name: $0.store, value: .string($0.status.rawValue))
            }
            let status = report.isReady ? "ok" : "unavailable"
            var members: [JSON.Member] = [
                JSON.Member(name: "status", value: .string(status)),
                JSON.Member(name: "stores", value: .object(stores)),
                JSON.Member(name: "catalog", value: .string(report.catalog.rawValue)),
            ]
            if !report.problems.isEmpty {
                members.append(JSON.Member(name: "problems", value: .array(report.problems.map(Self.problem))))
            }
            var response = Self.response(report.isReady ? .ok : .serviceUnavailable, .object(members))
            if !report.isReady { response.headers[.retryAfter] = "5" }
            return response
        }
    }

    private static func problem(_ problem: HealthReport.Problem) -> JSON {
        let place =
            problem.store.map { JSON.Member(name: "store", value: .string($0)) }
            ?? JSON.Member(name: "catalog", value: .bool(true))
        return .object([
            place, JSON.Member(name: "problem", value: .string(problem.code)),
            JSON.Member(name: "detail", value: .string(problem.message)),
            JSON.Member(name: "since", value: .string(InternetTime.string(problem.since))),
        ])
    }

    private static func answer(_ request: Request, _ page: () -> Response) -> Response {
        refusal(request) ?? page()
    }

    private static func answer(_ request: Request, _ page: () async -> Response) async -> Response {
        if let refusal = refusal(request) { return refusal }
        return await page()
    }

    private static func refusal(_ request: Request) -> Response? {
        guard request.method != .get && request.method != .head else { return nil }
        return Problem.wrongMethod(request.method, allow: [.get, .head]).documentResponse(requestID: request.id)
    }

    private static func response(_ status: HTTPResponse.Status, _ document: JSON) -> Response {
        Response(
            status,
            headers: [
                .contentType: "application/json", .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
            ], body: .bytes(ByteBuffer(string: document.text)))
    }
}
