import FPUploads

/// An upload as the application API shows it.
enum UploadDocument {
    static func json(_ upload: Upload) -> JSON {
        let main = upload.files[0]
        return [
            "id": .string(upload.id.description),
            "state": .string(upload.state.rawValue),
            "name": .text(main.name.isEmpty ? nil : main.name),
            "size": size(main.size),
            "received": .integer(upload.committed),
            "content_type": .text(main.contentType),
            "created_at": time(upload.createdAt),
            "completed_at": time(upload.completedAt),
            "stored_at": time(upload.storedAt),
            "expires_at": time(upload.expiresAt),
            "store": .string(main.store),
            "path": .text(main.path),
            "owner": .text(upload.owner),
            "metadata": metadata(upload.metadata),
            "files": .array(upload.files.enumerated().map { file($1, isMain: $0 == 0) }),
        ]
    }

    private static func file(_ file: UploadFile, isMain: Bool) -> JSON {
        [
            "name": .text(file.name.isEmpty ? nil : file.name),
            "size": size(file.size),
            "content_type": .text(file.contentType),
            "role": .string(isMain ? "main" : "variant"),
            "store": .string(file.store),
            "path": .text(file.path),
        ]
    }

    private static func size(_ size: UInt64?) -> JSON { size.map { .integer($0) } ?? .null }

    private static func time(_ moment: Timestamp?) -> JSON {
        .text(moment.map(InternetTime.string))
    }

    /// The client's own JSON. Text that is none (there is no way in for it, but the catalog outlives releases) is
    /// shown as a string.
    private static func metadata(_ text: String?) -> JSON {
        guard let text else { return .null }
        return (try? JSON(parsing: text.utf8)) ?? .string(text)
    }
}
