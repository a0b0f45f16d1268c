import FPFormats
import FPHTTP
import FPUploads
import FPUploadsHTTP
import HTTPTypes
import NIOCore

/// The uploads as the application sees them over HTTP: what the application API and the demo page have in common.
///
/// Access is not checked here: the gatekeeper has done that before. Whose uploads a caller may use is.
package struct UploadResource: Sendable {
    /// The methods of all its addresses together.
    package static let methods: [HTTPRequest.Method] = [.get, .head, .post, .delete]

    /// The largest JSON body, in bytes.
    private static let maximumBody = 64 << 10

    private let uploads: Uploads
    private let addresses: [UploadAddress]

    /// - Parameter addresses: Those that there are for these callers.
    package init(uploads: Uploads, addresses: [UploadAddress] = UploadAddress.allCases) {
        self.uploads = uploads
        self.addresses = addresses
    }

    /// Answers a request whose path continues with `rest` below the list of uploads.
    /// - Parameter reach: Whose uploads the caller may use.
    /// - Throws: A ``Problem``, or an error that is ``ProblemConvertible``.
    package func respond(
        to request: Request, rest: ArraySlice<String>, within reach: Reach
    ) async throws -> Response {
        guard let (address, values) = UploadAddress.find(rest, among: addresses) else { throw Problem.unknownAddress }
        let method = request.method
        if let id = values.first.flatMap({ UploadID($0) }) { try await uploads.require(id, within: reach) }
        let number = values.count > 1 ? try Self.number(values[1]) : 0
        let id = try values.first.map(Self.id)
        let allow = address.methods + [.options]
        if method == .options { return .options(allow: allow) }
        guard address.methods.contains(method) else { throw Problem.wrongMethod(method, allow: allow) }
        guard let id else { return try await list(request, within: reach) }
        return switch address {
        case .list: try await list(request, within: reach)
        case .upload where method == .delete: try await delete(id, request)
        case .upload: Self.response(try await existing(id))
        case .store: try await store(id, request, within: reach)
        case .verify: try await verify(id, request)
        case .content, .file: try await content(id, file: number, request)
        }
    }

    private static func id(_ text: String) throws(Problem) -> UploadID {
        guard let id = UploadID(text) else {
            throw Problem(
                .notFound,
                "\"\(Substring(text.unicodeScalars.prefix(40)))\" is not the id of an upload; ids have 22 letters and digits."
            )
        }
        return id
    }

    private static func number(_ text: String) throws(Problem) -> Int {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text) else {
            throw Problem.unknownAddress
        }
        return number
    }

    private func existing(_ id: UploadID) async throws -> Upload {
        guard let upload = try await uploads.upload(id) else {
            throw UploadError(.notFound, "There is no upload \(id).")
        }
        return upload
    }

    // MARK: - Operations

    private static let noList = Problem(.forbidden, "Your credentials name no owner whose uploads could be listed.")

    private func list(_ request: Request, within reach: Reach) async throws -> Response {
        switch try UploadListing(request.query) {
        case .search(var query):
            if case .own(let owner) = reach {
                guard let owner else { throw Self.noList }
                query.owner = owner
            }
            let text = try await ListingText(uploads, matching: query)
            if let whole = await text.whole { return .json(.ok, .bytes(whole)) }
            return .json(.ok, .stream(length: nil, next: { try await text.next() }))
        case .path(let path, let store, let metadata):
            let upload = try await uploads.upload(path: path, store: store)
            let own = upload.flatMap { reach.includesByPath($0.owner) ? $0 : nil }
            let documents = own.map { [UploadDocument.json($0, withMetadata: metadata)] } ?? []
            return .json(.ok, ["uploads": .array(documents), "next": .null])
        }
    }

    private func store(_ id: UploadID, _ request: Request, within reach: Reach) async throws -> Response {
        let claim: (path: String, store: String?, variants: [String]?, keepsFolders: Bool, ifExists: IfExists)
        let body = try await Self.json(request)
        do throws(JSONFields.Complaint) {
            var fields = try JSONFields(body)
            claim = (
                try fields.string("path"), try fields.optionalString("store"), try fields.optionalStrings("variants"),
                try fields.optionalBool("keep_relative_path") ?? false, try fields.optionalChoice("if_exists") ?? .fail
            )
            try fields.finish(known: ["path", "store", "variants", "keep_relative_path", "if_exists"])
        } catch {
            throw Problem(.badRequest, error.sentence)
        }
        return Self.response(
            try await uploads.store(
                id, path: claim.path, in: claim.store, variants: claim.variants, keepsFolders: claim.keepsFolders,
                ifExists: claim.ifExists, within: reach
            ))
    }

    private func verify(_ id: UploadID, _ request: Request) async throws -> Response {
        let isEmpty = request.contentLength == 0
        let body = isEmpty ? JSON.object([]) : try await Self.json(request)
        let (deep, rate): (Bool, UInt64?)
        do throws(JSONFields.Complaint) {
            var fields = try JSONFields(body)
            (deep, rate) = (try fields.optionalBool("deep") ?? false, try fields.optionalCount("rate"))
            try fields.finish(known: ["deep", "rate"])
        } catch {
            throw Problem(.badRequest, error.sentence)
        }
        return .json(.ok, VerificationDocument.json(try await uploads.verify(id, deep: deep, rate: rate)))
    }

    private func content(_ id: UploadID, file: Int, _ request: Request) async throws -> Response {
        try await Download.respond(to: request) { (use) async throws(UploadError) in
            try await uploads.open(id, file: file, for: use)
        }
    }

    /// Deletes an upload. A stored one keeps its file unless the request says otherwise; a temporary one never does.
    private func delete(_ id: UploadID, _ request: Request) async throws -> Response {
        if try Self.deletesFile(request.query) {
            let upload = try await uploads.delete(id, keepFile: false)
            return upload.state == .deleting ? Self.accepted(upload) : Self.response(upload)
        }
        let upload = try await existing(id)
        do throws(UploadError) {
            return Self.response(try await uploads.delete(id, keepFile: true))
        } catch  where error.kind == .invalid {
            // Temporary. Deleting it in that way and no other makes sure that an upload which is stored at this very
            // moment does not lose its file.
            let isGone = try await uploads.revert(id)
            guard try await uploads.upload(id) == nil else {
                throw UploadError(.conflict, "The upload was stored meanwhile; delete it again if it is to go.")
            }
            return isGone ? Self.response(upload) : Self.accepted(upload)
        }
    }

    /// The upload is gone, and its bytes follow when their store lets them go.
    private static func accepted(_ upload: Upload) -> Response {
        var answer = response(upload)
        answer.status = .accepted
        return answer
    }

    private static func deletesFile(_ query: RequestQuery) throws(Problem) -> Bool {
        if let other = query.pairs.first(where: { $0.name != "delete_file" }) {
            throw Problem(
                .badRequest,
                "The parameter \"\(Substring(other.name.unicodeScalars.prefix(40)))\" is not known here; known is delete_file."
            )
        }
        switch query.all("delete_file") {
        case [], ["false"]: return false
        case ["true"]: return true
        default: throw Problem(.badRequest, "The parameter \"delete_file\" takes true or false.")
        }
    }

    // MARK: - JSON

    private static func json(_ request: Request) async throws(Problem) -> JSON {
        let type = request.mediaType
        guard type == nil || type == "application/json" else {
            throw Problem(.unsupportedMediaType, "The body must be JSON, sent as application/json.")
        }
        let body: ByteBuffer
        do throws(BodyError) { body = try await request.body.collect(upTo: maximumBody) } catch { throw Problem(error) }
        do throws(JSONError) {
            return try JSON(parsing: body.readableBytesView)
        } catch {
            throw Problem(.badRequest, "The body \(error.reason), at byte \(error.offset).")
        }
    }

    private static func response(_ upload: Upload) -> Response {
        .json(.ok, UploadDocument.json(upload))
    }
}
