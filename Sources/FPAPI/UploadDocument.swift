import FPFormats
import FPUploads

/// An upload as the application API shows it.
enum UploadDocument {
    /// - Parameter withMetadata: Whether the client's metadata is shown, and what is read from it. Left out, they are no
    ///   members at all, as `null` would say that there is none.
    static func json(_ upload: Upload, withMetadata: Bool = true) -> JSON {
        let main = upload.files[0]
        var members: [JSON.Member] = []
        func add(_ name: String, _ value: JSON) { members.append(JSON.Member(name: name, value: value)) }
        add("id", .string(upload.id.description))
        add("state", .string(upload.state.rawValue))
        add("name", .text(main.name.isEmpty ? nil : main.name))
        add("size", size(main.size))
        add("received", .integer(upload.committed))
        add("content_type", .text(main.contentType))
        add("sha256", sha256(main.digests))
        add("crc64nvme", crc64nvme(main.digests))
        add("created_at", time(upload.createdAt))
        add("completed_at", time(upload.completedAt))
        add("stored_at", time(upload.storedAt))
        add("expires_at", time(upload.expiresAt))
        add("verified_at", time(upload.verifiedAt))
        add("store", .string(main.store))
        add("path", .text(main.path))
        add("owner", .text(upload.owner))
        if withMetadata {
            add("relative_path", .text(upload.relativePath))
            add("metadata", metadata(upload.metadata))
        }
        add("files", .array(upload.files.enumerated().map { file($1, isMain: $0 == 0) }))
        return .object(members)
    }

    private static func file(_ file: UploadFile, isMain: Bool) -> JSON {
        [
            "name": .text(file.name.isEmpty ? nil : file.name),
            "size": size(file.size),
            "content_type": .text(file.contentType),
            "sha256": sha256(file.digests),
            "crc64nvme": crc64nvme(file.digests),
            "role": .string(isMain ? "main" : "variant"),
            "store": .string(file.store),
            "path": .text(file.path),
        ]
    }

    private static func size(_ size: UInt64?) -> JSON { size.map { .integer($0) } ?? .null }

    private static func sha256(_ digests: FileDigests) -> JSON {
        .text(
            digests.sha256.map { bytes in bytes.flatMap { [hexDigits[Int($0 >> 4)], hexDigits[Int($0 & 15)]] } }
                .map { String(decoding: $0, as: UTF8.self) })
    }

    /// As S3 has it: the base64 of eight bytes, the highest first.
    private static func crc64nvme(_ digests: FileDigests) -> JSON {
        .text(digests.crc64.map { crc in withUnsafeBytes(of: crc.bigEndian) { Base64.encoded(Array($0)) } })
    }

    private static let hexDigits = Array("0123456789abcdef".utf8)

    static func time(_ moment: Timestamp?) -> JSON {
        .text(moment.map { InternetTime.text(millisecondsSince1970: $0.milliseconds) })
    }

    /// The client's own JSON, byte for byte. Text that is not JSON cannot come in, but another release may have left
    /// some in the catalog: it is shown as a string.
    private static func metadata(_ text: String?) -> JSON {
        guard let text else { return .null }
        return (try? JSONText(text)).map(JSON.verbatim) ?? .string(text)
    }
}
