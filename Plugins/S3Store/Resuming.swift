import FPPluginKit
import S3Signature

/// Where a session stands when a writer resumes it.
struct Resumption {
    let token: SessionToken
    /// The part that the next byte lies in.
    let place: (number: Int, start: UInt64, size: UInt64)
    /// The whole parts below it.
    let parts: [UploadedPart?]
    /// The bytes of that part that are there already.
    let buffer: PartBuffer?
    /// The marks that count, the newest last.
    let tails: [Tail]

    /// How often the session has been resumed, this time included. So it is higher than in any mark that an earlier
    /// writer may still leave late.
    var generation: UInt32 { (tails.last?.age.generation ?? 0) &+ 1 }

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
            // An object is asked for first: some services list the parts of an upload that is complete, and an empty
            // object is not made of parts.
            guard try ownObject(token.key, token.id, call) == nil, let listed = try client.listParts(token, call) else {
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
        if try ownObject(token.key, token.id, call) != nil { return }
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
        let all = try client.tails(of: given, call)
        var tails = all.live
        for stale in all where !tails.contains(stale) { client.removeInBackground(stale, of: given) }
        while true {
            let token = given.adopting(tails.last)
            let durable = tails.last?.end ?? 0
            let offset = wanted ?? durable
            guard offset <= durable else {
                throw PluginError(.range, "\"\(token.key)\": only \(durable) bytes are safe, not \(offset)")
            }
            guard let found = try restore(token, listed, tails, at: offset, call) else {
                // The newest mark no longer matches what S3 holds: a request that was given up took effect late.
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
        let source = tails.last { token.schedule.part(at: $0.end).start == place.start && $0.end >= offset }
        guard source != nil || offset == place.start else {
            throw PluginError(
                .unsupported, "\"\(token.key)\": offset \(offset) lies inside a part; the bytes before it are not kept")
        }
        // Any mark vouches for the parts below it, and the newest for all.
        guard let witness = source ?? tails.last, offset > 0 else {
            return Resumption(token: token, place: place, parts: [], buffer: nil, tails: tails)
        }
        guard let (parts, bytes) = try vouched(by: witness, token, listed, call) else {
            guard witness == tails.last else {
                throw PluginError(.range, "\"\(token.key)\": the bytes before \(offset) are damaged")
            }
            return nil
        }
        let buffer =
            source == nil ? nil : try refill(bytes.prefix(Int(offset - place.start)), capacity: Int(place.size))
        return Resumption(
            token: token, place: place, parts: Array(parts.prefix(place.number - 1)), buffer: buffer, tails: tails)
    }

    /// The whole parts below a mark, and the bytes after them.
    /// - Returns: nil if they are not those of the sync that left it.
    private func vouched(
        by tail: Tail, _ token: SessionToken, _ listed: [Int: S3Client.ListedPart], _ call: borrowing Call
    ) throws(PluginError) -> (parts: [UploadedPart], bytes: ArraySlice<UInt8>)? {
        let place = token.schedule.part(at: tail.end)
        var parts: [UploadedPart] = []
        for number in 1..<place.number {
            guard let part = listed[number], part.size == token.schedule.size(of: number) else { return nil }
            parts.append(part.part)
        }
        let length = Int(tail.end - place.start)
        guard let content = try trueContent(of: tail, token, etags: parts.map(\.etag), call), content.count >= length
        else { return nil }
        tail.addChecksums(content[length...], to: &parts)
        return (parts, content[..<length])
    }

    /// A mark's content, if it is what the sync wrote.
    /// - Returns: nil if S3 has something else.
    /// - Throws: `.transient` if it was only read wrong: to give up a mark is to give up bytes that were called safe.
    private func trueContent(
        of tail: Tail, _ token: SessionToken, etags: [String], _ call: borrowing Call
    ) throws(PluginError) -> [UInt8]? {
        func isTrue(_ reply: Reply) -> Bool { Tail.digest(etags: etags, content: sha256(reply.body)) == tail.digest }
        let first = try client.content(of: tail, of: token, call)
        if isTrue(first) { return first.body }
        let second = try client.content(of: tail, of: token, call)
        if isTrue(second) { return second.body }
        guard first.body == second.body, second.errorCode.isEmpty else {
            throw PluginError(
                .transient, "reading the last bytes of \"\(token.key)\": they do not come back as they were written")
        }
        return nil
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

    /// Drops everything after the offset, for good. A new mark at the offset is what makes the later ones void, even
    /// one that a request which was given up leaves afterwards.
    private func rewind(_ found: Resumption, _ call: borrowing Call) throws(PluginError) -> Resumption {
        let offset = found.offset
        guard let last = found.tails.last, last.end > offset else { return found }
        let earlier = found.tails.last { $0.end < offset }
        let mark = try client.leaveMark(
            at: offset, found.parts.compactMap { $0 }, found.buffer, of: found.token, generation: found.generation,
            after: earlier, call)
        for tail in found.tails where tail != earlier { client.removeInBackground(tail, of: found.token) }
        return Resumption(
            token: found.token, place: found.place, parts: found.parts, buffer: found.buffer,
            tails: (earlier.map { [$0] } ?? []) + [mark])
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
            try client.send(request, doing, call).checkStored(doing)
        }
        return Resumption(
            token: token, place: token.schedule.part(at: durable), parts: parts, buffer: nil, tails: [])
    }
}
