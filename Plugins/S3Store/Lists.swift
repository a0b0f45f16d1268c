import FPFormats
import FPPluginKit
import S3Signature

/// Where a page ended: a name, so that it holds for every process and whatever happens between.
private struct Cursor {
    let after: String
    /// What tells entries of one key apart; empty if nothing has to.
    let second: String

    init(after: String, second: String = "") {
        self.after = after
        self.second = second
    }

    init(_ bytes: [UInt8]?) throws(PluginError) {
        let texts = try ListCursor(bytes ?? Self(after: "").bytes).name
            .split(separator: 0, omittingEmptySubsequences: false)
            .compactMap { String(validating: $0, as: UTF8.self) }
        guard texts.count == 2 else { throw PluginError(.invalid, "the cursor is none of this plugin's") }
        self.init(after: texts[0], second: texts[1])
    }

    /// Whether an entry comes after it.
    func precedes(_ key: String, _ id: String) -> Bool { isBefore((after, second), (key, id)) }

    var bytes: [UInt8] { ListCursor(after: after.utf8 + [0] + second.utf8).bytes }
}

/// In the order of bytes, as S3 has it; by Swift's own, keys in two forms of Unicode are one.
private func isBefore(_ left: (String, String), _ right: (String, String)) -> Bool {
    if left.0.utf8.elementsEqual(right.0.utf8) { return left.1.utf8.lexicographicallyPrecedes(right.1.utf8) }
    return left.0.utf8.lexicographicallyPrecedes(right.0.utf8)
}

extension S3Store: ListingStore {
    func list(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (ListEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let cursor = try Cursor(request.cursor).after
        let isLater = Array(cursor.utf8).lexicographicallyPrecedes(Array(request.startAfter.utf8))
        var after = isLater ? request.startAfter : cursor
        // The plugin's own keys follow each other in the list: skip to the first key after all that begin with ".fp/".
        let own = ".fp/"
        var isCut = false
        while !isCut {
            var meetsOwn = false
            try client.eachObject(
                prefix: settings.objectKey(request.prefix), after: after.isEmpty ? "" : settings.objectKey(after),
                pageSize: request.maxEntries, "listing the bucket", call
            ) { object in
                guard let key = settings.key(ofObject: object.key), key.utf8.starts(with: request.prefix.utf8) else {
                    // SeaweedFS answers a prefix with an empty segment by a list of everything.
                    return true
                }
                if key.utf8.starts(with: own.utf8) {
                    meetsOwn = true
                    after = ".fp0"
                    return false
                }
                // A folder that a console made is no object of ours.
                guard (try? Key(key)) != nil else { return true }
                let entry = ListEntry(
                    key: key, size: object.size, modifiedNanoseconds: object.modified?.nanoseconds, etag: object.etag)
                after = key
                isCut = !emit(entry)
                return !isCut
            }
            if !meetsOwn { break }
        }
        return isCut ? Cursor(after: after).bytes : nil
    }
}

extension S3Store: PendingListingStore {
    func listPending(
        _ request: ListRequest, _ call: borrowing Call, _ emit: (PendingEntry) -> Bool
    ) throws(PluginError) -> [UInt8]? {
        let start = try Cursor(request.cursor)
        // All of them each time: some services lose entries between pages, and unfinished uploads are few.
        let uploads = try uploads(prefix: request.prefix, call)
        // Not by a list of several pages, for the same reason.
        if settings.keepsTails, request.prefix.isEmpty, request.cursor == nil, uploads.count < Self.pageOfUploads {
            try dropStrayMarks(Set(uploads.compactMap { Self.token($0, settings)?.tailDirectory }), call)
        }
        for upload in uploads where start.precedes(upload.key, upload.id) {
            guard let entry = try pendingEntry(upload, call) else { continue }
            guard emit(entry) else { return Cursor(after: upload.key, second: upload.id).bytes }
        }
        return nil
    }

    private struct Upload {
        /// Without `location`.
        let key, id: String
        let initiated: Timestamp?
    }

    /// The unfinished uploads, by key and then by id.
    private func uploads(prefix: String, _ call: borrowing Call) throws(PluginError) -> [Upload] {
        let doing = "listing unfinished uploads"
        var found: [Upload] = []
        var marker = ("", "")
        while true {
            var request = S3Request(
                "GET", nil,
                [
                    "uploads": "", "prefix": settings.objectKey(prefix), "encoding-type": "url",
                    "max-uploads": String(Self.pageOfUploads),
                ])
            if !marker.0.isEmpty {
                request.query.add("key-marker", marker.0)
                request.query.add("upload-id-marker", marker.1)
            }
            let reply = try client.send(request, doing, call)
            try reply.check(doing)
            guard let list = XMLElement(document: reply.body), list.name.hasPrefix("ListMultipartUploads") else {
                throw reply.lacking("a list", doing)
            }
            func text(_ element: XMLElement, _ name: String) -> String? {
                element[name].map { list["EncodingType"] == "url" ? PercentEncoding.decode($0) : $0 }
            }
            for entry in list.all("Upload") {
                guard let whole = text(entry, "Key"), let id = entry["UploadId"],
                    let key = settings.key(ofObject: whole)
                else { continue }
                found.append(
                    Upload(
                        key: key, id: id,
                        initiated: entry["Initiated"].flatMap { Timestamp(iso8601: $0) }))
            }
            let next = (text(list, "NextKeyMarker") ?? "", list["NextUploadIdMarker"] ?? "")
            guard list["IsTruncated"] == "true" else { break }
            guard !next.0.isEmpty, next != marker else { throw reply.lacking("the rest of the list", doing) }
            marker = next
        }
        return found.sorted { isBefore(($0.key, $0.id), ($1.key, $1.id)) }
    }

    /// Removes marks whose upload has ended, but not the very recent ones. Nobody waits for a mark's removal at the end
    /// of an upload, so it may have failed.
    /// - Parameter known: where the marks of unfinished uploads are.
    private func dropStrayMarks(_ known: Set<String>, _ call: borrowing Call) throws(PluginError) {
        let newest = client.now.seconds - Self.strayMarkAge
        var count = 0
        let prefix = settings.objectKey(Tail.directory)
        try client.eachObject(prefix: prefix, after: "", "looking for what uploads left behind", call) { object in
            guard object.key.utf8.starts(with: prefix.utf8) else { return true }
            let words = object.key.utf8.dropFirst(prefix.utf8.count)
                .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { String($0) ?? "" }
            guard words.count == 2, SessionID(words[0]) != nil, Tail(name: words[1]) != nil,
                !known.contains("\(Tail.directory)\(words[0])/"),
                let modified = object.modified, modified.seconds < newest
            else { return true }
            client.sendInBackground(S3Request("DELETE", object.key))
            count += 1
            return count < Self.mostStrayMarks
        }
    }

    /// In seconds.
    private static let strayMarkAge: Int64 = 86400
    /// How many are removed each time.
    private static let mostStrayMarks = 1000
    private static let pageOfUploads = 1000

    /// What a list of uploads tells of a session; nil if it is none.
    private static func token(_ upload: Upload, _ settings: Settings) -> SessionToken? {
        guard let key = try? Key(upload.key) else { return nil }
        return SessionToken(
            key: key, uploadID: upload.id, id: nil,
            schedule: PartSchedule(size: nil, partSize: settings.partSize), ifNotExists: false)
    }

    private func pendingEntry(_ upload: Upload, _ call: borrowing Call) throws(PluginError) -> PendingEntry? {
        // One of the plugin's own trials that a crash left behind is dropped here, for nobody else knows it; but not
        // one that another process may be at just now.
        guard let bare = Self.token(upload, settings) else {
            let start = Self.conditionPrefix.utf8
            if upload.key.utf8.starts(with: start),
                SessionID(String(upload.key.utf8.dropFirst(start.count)) ?? "") != nil,
                let begun = upload.initiated, begun.seconds < client.now.seconds - Self.strayMarkAge
            {
                client.sendInBackground(
                    S3Request("DELETE", settings.objectKey(upload.key), ["uploadId": upload.id]))
            }
            return nil
        }
        let newest = settings.keepsTails ? try client.tails(of: bare, call).last : nil
        return PendingEntry(
            key: upload.key, token: bare.adopting(newest).bytes, durableBytes: newest?.end ?? 0,
            modifiedNanoseconds: upload.initiated?.nanoseconds)
    }
}
