import FPFormats
import FPHTTP
import FPMultipart
import FPUploads
import NIOCore

/// A form as FilePond sends it, taken in part by part while it arrives: the metadata as text, and the main file and
/// its variants under the same name.
///
/// Which field is the upload is sometimes known only at the end, as `fp_upload_field` may come last. So the files of
/// each field are received to staging, and all but one field's are removed again.
struct UploadForm {
    /// What the form turned out to be.
    enum Outcome {
        /// Whole files: the upload is complete.
        case received(Upload)
        /// Metadata without a file, as JSON text: the bytes will come in chunks. With what is stated of them.
        case announced(metadata: String, DigestSet)
    }

    private enum Part {
        case text(field: String, bytes: ByteBuffer, digests: DigestSet)
        case file(Reception)
        case ignored
    }

    /// The form field that names the upload's field, as in django-drf-filepond.
    private static let selector = "fp_upload_field"
    /// The form field that states digests of the main file.
    private static let digestField = "fp_digest"
    /// More than any form that a person fills in has.
    private static let maximumParts = 200
    private static let maximumFileFields = 4
    /// All texts of a form together, in bytes.
    private static let maximumText = 1 << 20
    /// More than any page's metadata needs, and few enough that reading it stays cheap.
    private static let metadataLimits = JSONText.Limits(depth: 32, values: 4096)

    private let uploads: Uploads
    private let uploader: Uploader
    private let length: UInt64?
    /// What the form was let in with, for as long as it arrives.
    private var admission: Admission?
    private var texts: [(field: String, value: String)] = []
    private var textBytes = 0
    private var stated: DigestSet?
    private var receptions: [(field: String, reception: Reception)] = []
    private var fieldsWithoutFile: [String] = []
    private var parts = 0
    private var current = Part.ignored

    /// - Parameters:
    ///   - uploader: Who brings the uploads of the form.
    ///   - length: The size of the form, if it is known.
    ///   - admission: What its upload was let in with.
    init(_ uploads: Uploads, by uploader: Uploader, length: UInt64?, under admission: Admission) {
        self.length = length
        self.admission = admission
        self.uploads = uploads
        self.uploader = uploader
    }

    /// Begins the next part.
    /// - Parameter part: without a file's name it is a text, with an empty one a file input without a file.
    mutating func begin(_ part: MultipartPart) async throws {
        parts += 1
        guard parts <= Self.maximumParts else {
            throw Problem(.payloadTooLarge, "A form may have \(Self.maximumParts) parts at most.", code: "too-large")
        }
        let field = Self.plain(part.name)
        guard let fileName = part.filename else {
            current = .text(field: field, bytes: ByteBuffer(), digests: part.digests)
            return
        }
        if fileName.isEmpty {
            fieldsWithoutFile.append(field)
            current = .ignored
        } else if let selected, !selected.isSame(as: field) {
            current = .ignored
        } else {
            let reception = try reception(for: field)
            try await reception.beginFile(
                name: fileName, declaredType: part.contentType, digests: part.digests)
            current = .file(reception)
        }
    }

    /// Adds bytes to the part.
    /// - Parameter following: more bytes of the part, if they are there already; asked on a store's thread, or not at all.
    mutating func add(
        _ buffers: [ByteBuffer], following: @escaping @Sendable () -> [ByteBuffer]? = { nil }
    ) async throws {
        switch current {
        case .ignored: break
        case .file(let reception): try await reception.write(buffers, following: following)
        case .text(let field, var bytes, let digests):
            current = .ignored
            for buffer in buffers {
                textBytes += buffer.readableBytes
                // Which of a form's texts is the metadata is known at its end.
                let limit = max(Self.maximumText, uploads.limits.maxMetadata)
                guard textBytes <= limit else {
                    throw Problem(
                        .payloadTooLarge, "The texts of a form may have \(limit) bytes at most.", code: "too-large")
                }
                bytes.writeImmutableBuffer(buffer)
            }
            current = .text(field: field, bytes: bytes, digests: digests)
        }
    }

    /// Ends the part.
    mutating func end() async throws {
        switch current {
        case .ignored: break
        case .file(let reception): try await reception.endFile()
        case .text(let field, let bytes, let digests):
            if let check = DigestCheck(digests) {
                check.note([bytes])
                try check.verify()
            }
            if field.isSame(as: Self.digestField) {
                try state(String(buffer: bytes))
            } else {
                texts.append((field, String(buffer: bytes)))
            }
        }
        current = .ignored
    }

    private mutating func state(_ text: String) throws(Problem) {
        guard stated == nil else { throw Problem(.badRequest, "The form has \(Self.digestField) twice.") }
        do throws(Complaint) {
            stated = try DigestSet(formField: text)
        } catch {
            throw Problem(.badRequest, "\(Self.digestField) \(error.text).")
        }
    }

    /// Decides what the form is, after its last part.
    /// - Parameter file: What the request's header states of the main file.
    mutating func finish(stated file: DigestSet) async throws -> Outcome {
        var digests = file
        do throws(Complaint) { try digests.add(stated ?? DigestSet()) } catch {
            throw Problem(.badRequest, "\(Self.digestField) \(error.text).")
        }
        let field = try uploadField()
        let values = texts.filter { $0.field.isSame(as: field) }.map(\.value)
        guard values.count <= 1 else { throw Problem(.badRequest, "Invalid number of fields in request data.") }
        guard let chosen = receptions.firstIndex(where: { $0.field.isSame(as: field) }) else {
            // A file input without a file announces nothing.
            guard let text = values.first, !fieldsWithoutFile.contains(where: { $0.isSame(as: field) }),
                let metadata = try Self.json(text), metadata.isObject
            else {
                throw Problem(.badRequest, "Invalid data type has been parsed.")
            }
            try checkSize(text)
            // Lets go of what the form was let in with, too: the upload itself is let in next, and is not to count twice.
            await abandon()
            return .announced(metadata: text, digests)
        }
        var metadata: String?
        if let text = values.first {
            try checkSize(text)
            // What comes with a file is kept whatever it is: as it came if it is JSON, as a JSON string if it is not.
            let kept = try Self.json(text)?.text ?? JSON.string(text).text
            try checkSize(kept)
            metadata = kept
        }
        let upload = try await receptions[chosen].reception.finish(metadata: metadata, digests: digests)
        receptions.remove(at: chosen)
        await abandon()
        return .received(upload)
    }

    /// Takes back everything that has arrived.
    mutating func abandon() async {
        for (_, reception) in receptions { await reception.abandonDespiteCancellation() }
        receptions = []
        admission = nil
    }

    // MARK: - The field

    private var selected: String? {
        texts.first { $0.field.isSame(as: Self.selector) }.map { Self.plain($0.value) }
    }

    /// The field that `fp_upload_field` names; else the configured one; else the one that has files; else, for an
    /// announcement, the first one, as FilePond puts its own before what the page adds.
    private func uploadField() throws(Problem) -> String {
        let fields = texts.map(\.field) + fieldsWithoutFile + receptions.map(\.field)
        let configured = Self.plain(uploads.limits.field)
        let found: String? =
            if let selected {
                fields.contains(where: { $0.isSame(as: selected) }) ? selected : nil
            } else if receptions.contains(where: { $0.field.isSame(as: configured) }) {
                configured
            } else if !receptions.isEmpty {
                receptions.count == 1 ? receptions[0].field : nil
            } else if fields.contains(where: { $0.isSame(as: configured) }) {
                configured
            } else {
                fields.first
            }
        guard let found else { throw Self.missingField }
        return found
    }

    static let missingField = Problem(.badRequest, "Could not find upload_field_name in request data.")

    /// PHP and Rails name fields with several values `photos[]`.
    private static func plain(_ field: String) -> String {
        field.without(suffix: "[]").map(String.init) ?? field
    }

    private mutating func reception(for field: String) throws(Problem) -> Reception {
        if let known = receptions.first(where: { $0.field.isSame(as: field) }) { return known.reception }
        guard receptions.count < Self.maximumFileFields else {
            throw Problem(.badRequest, "The form has files in more than \(Self.maximumFileFields) fields.")
        }
        let new = uploads.beginReception(
            by: uploader, length: receptions.isEmpty ? length : nil, under: admission)
        receptions.append((field, new))
        return new
    }

    // MARK: - Metadata

    private func checkSize(_ metadata: String) throws(Problem) {
        guard metadata.utf8.count <= uploads.limits.maxMetadata else {
            throw Problem(
                .payloadTooLarge, "The metadata may have \(uploads.limits.maxMetadata) bytes at most.",
                code: "too-large")
        }
    }

    /// - Returns: `nil` if the text is no JSON at all.
    private static func json(_ text: String) throws(Problem) -> JSONText? {
        do throws(JSONError) {
            return try JSONText(text, limits: metadataLimits)
        } catch  where error.kind == .syntax {
            return nil
        } catch {
            throw Problem(.badRequest, "The metadata \(error.reason), at byte \(error.offset).")
        }
    }
}
