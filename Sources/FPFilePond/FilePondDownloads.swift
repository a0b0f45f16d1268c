import FPHTTP
import FPUploads
import FPUploadsHTTP

extension FilePondDialect {
    /// GET load: a stored file, by the upload's id or by its path.
    func load(_ operand: String?, _ request: Request, within reach: Reach) async throws -> Response {
        let source = try Self.required(operand)
        if let id = UploadID(source), let response = try await load(id, request, within: reach) { return response }
        // A path may look like an id.
        guard loadsByPath, let upload = try await uploads.upload(path: source), reach.includesByPath(upload.owner)
        else {
            throw Self.notFound
        }
        return try await respond(request, orMissing: Self.missingFile) { (use) async throws(UploadError) in
            try await uploads.openStored(path: source, within: reach, for: use)
        }
    }

    /// - Returns: nil if there is no stored upload of that id.
    private func load(_ id: UploadID, _ request: Request, within reach: Reach) async throws -> Response? {
        try await uploads.require(id, within: reach)
        do {
            return try await Download.respond(to: request) { (use) async throws(UploadError) in
                try await uploads.openStored(id, for: use)
            }
        } catch let error as UploadError where error.kind == .notFound {
            guard try await uploads.upload(id)?.state == .stored else { return nil }
            throw Self.missingFile
        }
    }

    /// GET restore: the main file of a temporary upload.
    func restore(_ operand: String?, _ request: Request, within reach: Reach) async throws -> Response {
        guard let id = UploadID(try Self.required(operand)) else { throw Self.invalidID }
        try await uploads.require(id, within: reach)
        // A claim or a revert may come first and take the file away; it is a fault only where neither did.
        return try await respond(
            request, orMissing: try await isRestorable(id) ? Self.unreadableFile : Self.notFound
        ) { (use) async throws(UploadError) in
            try await uploads.openTemporary(id, for: use)
        }
    }

    private func isRestorable(_ id: UploadID) async throws -> Bool {
        let state = try await uploads.upload(id)?.state
        return state == .complete || state == .storing
    }

    private func respond(
        _ request: Request, orMissing missing: @autoclosure () async throws -> Problem,
        open: (ContentUse) async throws(UploadError) -> Content
    ) async throws -> Response {
        do {
            return try await Download.respond(to: request, opening: open)
        } catch let error as UploadError where error.kind == .notFound {
            throw try await missing()
        }
    }

    private static func required(_ operand: String?) throws(Problem) -> String {
        guard let operand else { throw Problem(.badRequest, "A required parameter is missing.") }
        guard !operand.isEmpty else { throw invalidID }
        return operand
    }

    private static let invalidID = Problem(.badRequest, "An invalid ID has been provided.")
    private static let notFound = Problem(.notFound, "Not found")
    private static let missingFile = Problem(.notFound, "Error accessing file, not found.")
    private static let unreadableFile = Problem(.internalServerError, "Error reading file data...")
}
