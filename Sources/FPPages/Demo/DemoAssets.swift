import FPHTTP
import HTTPTypes

/// The scripts and styles of the demo page, and the FilePond client below `vendor`.
package struct DemoAssets: Mount {
    private let files: DemoFiles

    package init(files: DemoFiles) {
        self.files = files
    }

    package var methods: [HTTPRequest.Method] { [.get, .head] }

    package var problems: ProblemForm { .detail }

    package func takes(_ request: Request, rest: ArraySlice<String>) -> Bool { !rest.isEmpty }

    package var accesses: [Access] { [] }

    package func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in try await respond(to: request, rest: rest) }
    }

    private func respond(to request: Request, rest: ArraySlice<String>) async throws -> Response {
        try await DemoFiles.response(to: request) {
            let file: DemoFiles.File? =
                switch (rest.count, rest.first) {
                case (1, let name?): await files.page(name)
                case (2, "vendor"): await files.vendor(rest[rest.startIndex + 1])
                default: nil
                }
            return file?.response(to: request) ?? problems.response(to: .unknownAddress, requestID: request.id)
        }
    }
}
