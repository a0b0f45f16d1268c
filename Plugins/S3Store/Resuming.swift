import FPPluginKit

/// Where a session stands when a writer takes it up.
struct Resumption {
    let token: SessionToken
    /// The part that the next byte lies in.
    let place: (number: Int, start: UInt64, size: UInt64)
    /// The whole parts below it.
    let parts: [UploadedPart?]
    /// The bytes of that part that are there already.
    let buffer: PartBuffer?
    let tails: [Tail]

    var offset: UInt64 { place.start + UInt64(buffer?.count ?? 0) }
}

extension S3Store: ResumableStore {
    func resumeWrite(_ request: ResumeRequest, _ call: borrowing Call) throws(PluginError) -> ResumedWrite {
        guard let token = SessionToken(request.token) else {
            throw PluginError(.gone, "the token of the upload is none of this plugin's")
        }
        guard hold(token.uploadID) else {
            throw PluginError(.conflict, "another writer holds the upload of \"\(token.key)\"")
        }
        do throws(PluginError) {
            guard let listed = try client.listParts(token, call) else {
                try recogniseCommit(of: token, call)
                release(token.uploadID)
                return .committed
            }
            let resumption =
                settings.keepsTails
                ? try takeUp(token, listed, at: request.offset, call)
                : try takeUpWholeParts(token, listed, at: request.offset, call)
            return .open(
                S3Writer(self, resumption),
                WriteProgress(durableOffset: resumption.offset, token: resumption.token.bytes))
        } catch {
            release(token.uploadID)
            throw error
        }
    }

    func discardWrite(_ token: [UInt8], _ call: borrowing Call) throws(PluginError) {
        guard let token = SessionToken(token) else { return }
        try discard(token, call)
    }

    /// Returns if the object under the session's key is the one that the session made. That S3 does not know the upload
    /// proves nothing: a lifecycle rule may have aborted it.
    private func recogniseCommit(of token: SessionToken, _ call: borrowing Call) throws(PluginError) {
        if let id = token.id, try published(token.key, call)?.id == id { return }
        throw PluginError(
            .gone,
            """
            the upload of \"\(token.key)\" was aborted, perhaps by a lifecycle rule of the bucket, or its object has \
            been moved or replaced
            """)
    }

    // MARK: - With marks

    private func takeUp(
        _ given: SessionToken, _ listed: [Int: S3Client.ListedPart], at wanted: UInt64?, _ call: borrowing Call
    ) throws(PluginError) -> Resumption {
        var tails = try client.tails(of: given, call)
        while true {
            let token = given.adopting(tails.last)
            let durable = tails.last?.end ?? 0
            let offset = wanted ?? durable
            guard offset <= durable else {
                throw PluginError(.range, "\"\(token.key)\": only \(durable) bytes are safe, not \(offset)")
            }
            guard let found = try restore(token, listed, tails, at: offset, call) else {
                // The newest mark is not true to what S3 holds any more: a write that nobody waits for came late.
                client.host.log(
                    .error, "the upload of \"\(token.key)\" has lost bytes before \(durable); it goes back")
                try client.remove(tails.removeLast(), of: token, call)
                continue
            }
            return try rewind(found, call)
        }
    }

    /// Gathers what is needed to go on at `offset`.
    /// - Returns: nil if the newest mark is broken.
    /// - Throws: `.unsupported` if no mark has the bytes of the part that `offset` lies in.
    private func restore(
        _ token: SessionToken, _ listed: [Int: S3Client.ListedPart], _ tails: [Tail], at offset: UInt64,
        _ call: borrowing Call
    ) throws(PluginError) -> Resumption? {
        let place = token.schedule.part(at: offset)
        var parts: [UploadedPart] = []
        for number in 1..<place.number {
            let size = token.schedule.size(of: number)
            guard let part = listed[number], part.size == size else { return nil }
            parts.append(part.part)
        }
        let source = tails.last { token.schedule.part(at: $0.end).start == place.start && $0.end >= offset }
        guard let source else {
            guard offset == place.start else {
                throw PluginError(
                    .unsupported,
                    "\"\(token.key)\": offset \(offset) lies inside a part; the bytes before it are not kept")
            }
            return Resumption(token: token, place: place, parts: parts, buffer: nil, tails: tails)
        }
        let bytes = source.end == place.start ? [] : try client.bytes(of: source, of: token, call)
        let digest = Tail.digest(etags: parts.map(\.etag), bytes: sha256(bytes))
        guard UInt64(bytes.count) == source.end - place.start, digest == source.digest else {
            guard source == tails.last else {
                throw PluginError(.range, "\"\(token.key)\": the bytes before \(offset) are damaged")
            }
            return nil
        }
        let buffer = try refill(bytes.prefix(Int(offset - place.start)), capacity: Int(place.size))
        return Resumption(token: token, place: place, parts: parts, buffer: buffer, tails: tails)
    }

    private func refill(_ bytes: ArraySlice<UInt8>, capacity: Int) throws(PluginError) -> PartBuffer? {
        guard !bytes.isEmpty else { return nil }
        let buffer = try PartBuffer(capacity: capacity, settings, budget)
        var rest = bytes
        while !rest.isEmpty {
            let result = rest.withUnsafeBytes { bytes in
                Result { () throws(PluginError) in try buffer.append(bytes) }
            }
            let count = try result.get()
            if count == 0 { try buffer.spill(to: settings.spoolDirectory) }
            rest = rest.dropFirst(count)
        }
        return buffer
    }

    /// Drops what lies behind the place that is gone on from, for good.
    private func rewind(_ found: Resumption, _ call: borrowing Call) throws(PluginError) -> Resumption {
        let offset = found.offset
        let later = found.tails.filter { $0.end > offset }
        var kept = found.tails.filter { $0.end <= offset }
        guard !later.isEmpty else { return found }
        if kept.last?.end != offset, offset > 0 {
            // First the new mark, so that there is no moment without one.
            let etags = found.parts.compactMap { $0?.etag }
            let bytes = try found.buffer?.contentHash() ?? sha256([UInt8]())
            let mark = Tail(end: offset, digest: Tail.digest(etags: etags, bytes: bytes), found.token)
            try client.put(mark, found.buffer, of: found.token, call)
            kept.append(mark)
        }
        for tail in later { try client.remove(tail, of: found.token, call) }
        return Resumption(
            token: found.token, place: found.place, parts: found.parts, buffer: found.buffer, tails: kept)
    }

    // MARK: - Without marks

    /// Counts the whole parts from 1 on. Those behind a gap are made too short to count, for what comes may be other
    /// bytes, and they must not join up with those.
    private func takeUpWholeParts(
        _ token: SessionToken, _ listed: [Int: S3Client.ListedPart], at wanted: UInt64?, _ call: borrowing Call
    ) throws(PluginError) -> Resumption {
        var parts: [UploadedPart] = []
        while let part = listed[parts.count + 1], part.size == token.schedule.size(of: part.number) {
            parts.append(part.part)
        }
        let durable = token.schedule.start(of: parts.count + 1)
        if let wanted, wanted != durable {
            throw PluginError(
                wanted > durable ? .range : .unsupported,
                "\"\(token.key)\": with `durable_tail: none` an upload goes on at \(durable) bytes only, not \(wanted)")
        }
        let doing = "dropping bytes of \"\(token.key)\""
        for part in listed.values where part.number > parts.count && part.size > 0 {
            let request = S3Request(
                "PUT", settings.objectKey(token.key.string),
                ["partNumber": String(part.number), "uploadId": token.uploadID])
            try client.send(request, doing, call).check(doing)
        }
        return Resumption(
            token: token, place: token.schedule.part(at: durable), parts: parts, buffer: nil, tails: [])
    }
}
