import FPFormats

/// What receivers are sent of an event: a JSON text with the members `type`, `timestamp` and `data`, as Standard Webhooks
/// asks for. It says what was so at the time of the change, whatever comes later.
enum EventPayload {
    /// - Parameters:
    ///   - upload: the upload after the change; of one that ends, before it.
    ///   - reason: why, where the kind does not say that.
    static func text(_ kind: EventKind, of upload: UploadRecord, because reason: String?, at now: Timestamp) -> String {
        let payload: JSON = [
            "type": .string(kind.rawValue), "timestamp": time(now), "data": data(upload, reason),
        ]
        return payload.text
    }

    private static func data(_ upload: UploadRecord, _ reason: String?) -> JSON {
        var members: [JSON.Member] = []
        func add(_ name: String, _ value: JSON) { members.append(JSON.Member(name: name, value: value)) }
        add("id", .string(upload.id.description))
        if let reason { add("reason", .string(reason)) }
        add("created_at", time(upload.createdAt))
        add("completed_at", time(upload.completedAt))
        add("stored_at", time(upload.storedAt))
        add("owner", .text(upload.owner))
        add("metadata", metadata(upload.metadata))
        let isStored = upload.storedAt != nil
        add("files", .array(upload.files.enumerated().map { file($1, isMain: $0 == 0, isStored: isStored) }))
        return .object(members)
    }

    private static func file(_ file: FileRecord, isMain: Bool, isStored: Bool) -> JSON {
        [
            "name": .text(file.name.isEmpty ? nil : file.name),
            "size": file.size.map { .integer($0) } ?? .null,
            "content_type": .text(file.contentType),
            "role": .string(isMain ? "main" : "variant"),
            "store": .string(file.store),
            "path": .text(isStored ? file.key : nil),
        ]
    }

    private static func time(_ moment: Timestamp?) -> JSON {
        .text(moment.map { InternetTime.text(millisecondsSince1970: $0.milliseconds) })
    }

    /// The client's own JSON. Text that is none, which another release may have left, is a string.
    private static func metadata(_ text: String?) -> JSON {
        guard let text else { return .null }
        return (try? JSONText(text)).map(JSON.verbatim) ?? .string(text)
    }
}
