import FPFormats
import FPHTTP
import HTTPTypes

/// `/healthz`: the process answers. Nothing else is looked at, so that a store's trouble does not restart the host.
package struct HealthPage: Mount {
    package init() {}

    package var methods: [HTTPRequest.Method] { [.get, .head] }

    package var accesses: [Access] { [] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in try await respond(to: request) }
    }

    private func respond(to request: Request) async throws -> Response {
        guard methods.contains(request.method) else { throw Problem.wrongMethod(request.method, allow: methods) }
        return .json(.ok, ["status": .string("ok")])
    }
}
