import FPPluginKit
import S3Signature

extension S3Store: CopyingStore, TransferringStore {
    func copy(_ request: CopyRequest, _ call: borrowing Call) throws(PluginError) -> CopyOutcome {
        if request.source == request.target {
            // S3 refuses to copy an object onto itself as it is.
            let info = try described(request, in: self, call)
            guard settings.allowsOverwrite, !request.ifNotExists else {
                throw PluginError(.exists, "the key \"\(request.target)\" is taken")
            }
            return CopyOutcome(info: info, streamed: false, atomic: true)
        }
        return try transfer(from: self, request, call)
    }

    func transfer(
        from source: S3Store, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        guard !(request.move && request.requireAtomic) else {
            throw PluginError(.unsupported, "S3 has no atomic move: it copies, then removes")
        }
        let theirs = source.settings.endpoint
        let ours = settings.endpoint
        guard (theirs.scheme, theirs.host, theirs.port) == (ours.scheme, ours.host, ours.port) else {
            throw PluginError(.unsupported, "the two buckets are at different services")
        }
        let info = try described(request, in: source, call)
        if mustBeFree(request), try published(request.target, call) != nil { throw taken(request.target) }
        let copied =
            info.size > settings.copyThreshold
            ? try copyInParts(info, from: source, request, call) : try copyWhole(info, from: source, request, call)
        if request.move { try source.remove(request.source, call) }
        return CopyOutcome(info: copied, streamed: false, atomic: !request.move)
    }

    private func mustBeFree(_ request: CopyRequest) -> Bool { request.ifNotExists || !settings.allowsOverwrite }

    private func taken(_ key: Key) -> PluginError { PluginError(.exists, "the key \"\(key)\" is taken") }

    /// What is known of the source, which some services do not compare with the tag themselves.
    private func described(
        _ request: CopyRequest, in source: S3Store, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let info = try source.describe(request.source, call).info
        guard request.ifMatch == nil || request.ifMatch == info.etag else {
            throw PluginError(.precondition, "\"\(request.source)\" was replaced meanwhile")
        }
        return info
    }

    private func copyFields(_ info: ObjectInfo, from source: S3Store, _ request: CopyRequest) -> [(
        name: String, value: String
    )] {
        let bucket = PercentEncoding.encode(source.settings.endpoint.bucket, keepingSlashes: false)
        let key = PercentEncoding.encode(source.settings.objectKey(request.source.string), keepingSlashes: true)
        var fields = [(name: "x-amz-copy-source", value: "\(bucket)/\(key)")]
        // The version that was looked at, so that no other is copied under its size.
        if !info.etag.isEmpty { fields.append(("x-amz-copy-source-if-match", "\"\(info.etag)\"")) }
        return fields
    }

    /// What a copy's own parameters are: those of new objects, but for what the source brings along.
    private var targetFields: [(name: String, value: String)] {
        settings.objectFields.filter { $0.name.hasPrefix("x-amz-") && $0.name != "x-amz-tagging" }
    }

    private func copyWhole(
        _ info: ObjectInfo, from source: S3Store, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let doing = "copying \"\(request.source)\" to \"\(request.target)\""
        var outgoing = S3Request("PUT", settings.objectKey(request.target.string))
        outgoing.headers = copyFields(info, from: source, request) + targetFields
        let reply =
            mustBeFree(request) && settings.conditionalWrites != .never
            ? try sendCondition(with: outgoing, info, from: source, request, doing, call)
            : try sendCopy(outgoing, from: source, doing, call)
        let result = XMLElement(document: reply.body)
        return ObjectInfo(
            size: info.size,
            modifiedNanoseconds: result?["LastModified"].flatMap { Timestamp(iso8601: $0)?.nanoseconds },
            etag: Reply.unquoted(result?["ETag"] ?? ""), contentType: info.contentType)
    }

    /// Sends a copy that shall fail if its target has appeared since somebody looked, as far as the service can do that.
    private func sendCondition(
        with outgoing: S3Request, _ info: ObjectInfo, from source: S3Store, _ request: CopyRequest, _ doing: String,
        _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        var conditional = outgoing
        conditional.headers.append(("If-None-Match", "*"))
        do throws(PluginError) {
            return try sendCopy(conditional, from: source, doing, call)
        } catch {
            switch error.code {
            case .unsupported where error.nativeCode == 501: return try sendCopy(outgoing, from: source, doing, call)
            case .precondition: throw try reason(for: error, info, request, call)
            default: throw error
            }
        }
    }

    /// Why a condition failed: the target's, the source's, or because the request was sent twice, the first time with
    /// success. Only what the target is tells.
    private func reason(
        for error: PluginError, _ info: ObjectInfo, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> PluginError {
        guard let found = try published(request.target, call)?.info else { return error }
        guard found.etag == info.etag, found.size == info.size else { return taken(request.target) }
        var doubt = error
        doubt.code = .transient
        doubt.outcomeUnknown = true
        return doubt
    }

    /// Sends a request that copies. Its reply may be a failure in spite of its status, and its loss leaves open what
    /// happened.
    private func sendCopy(
        _ request: S3Request, from source: S3Store, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        let reply: Reply
        do throws(PluginError) {
            reply = try client.send(request, doing, call)
        } catch {
            var error = error
            error.outcomeUnknown = true
            throw error
        }
        do throws(PluginError) {
            try checkCopy(reply, from: source, doing)
        } catch {
            var error = error
            error.outcomeUnknown = error.code == .transient
            throw error
        }
        return reply
    }

    private func checkCopy(_ reply: Reply, from source: S3Store, _ doing: String) throws(PluginError) {
        do throws(PluginError) {
            try reply.check(doing)
        } catch {
            var error = error
            // The host can copy through itself what this store's own keys may not read.
            if error.code == .denied, source !== self { error.code = .unsupported }
            throw error
        }
    }

    private func copyInParts(
        _ info: ObjectInfo, from source: S3Store, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let target = WriteTarget(copying: info, to: request.target)
        let schedule = PartSchedule(size: info.size, partSize: min(settings.copyThreshold, 1 << 30))
        let token = SessionToken(
            key: request.target, uploadID: try client.createMultipart(target, checksum: .none, call), id: target.id,
            schedule: schedule, ifNotExists: request.ifNotExists)
        let fields = copyFields(info, from: source, request)
        let doing = "copying \"\(request.source)\" to \"\(request.target)\""
        var moving: [Exchange] = []
        do throws(PluginError) {
            var parts: [UploadedPart] = []
            let last = schedule.part(at: info.size - 1).number
            for number in 1...last {
                if moving.count >= settings.concurrency {
                    parts.append(try copiedPart(moving.removeFirst(), from: source, doing, call))
                }
                let start = schedule.start(of: number)
                let end = min(start + schedule.size(of: number), info.size)
                var outgoing = S3Request(
                    "PUT", settings.objectKey(request.target.string),
                    ["partNumber": String(number), "uploadId": token.uploadID])
                outgoing.headers = fields + [("x-amz-copy-source-range", "bytes=\(start)-\(end - 1)")]
                moving.append(try client.start(outgoing, call))
            }
            while !moving.isEmpty { parts.append(try copiedPart(moving.removeFirst(), from: source, doing, call)) }
            return try publish(token, parts, size: info.size, checksum: nil, isConditional: mustBeFree(request), call)
        } catch {
            for exchange in moving { client.engine.abort(exchange) }
            if !error.outcomeUnknown { client.sendInBackground(client.abortRequest(token)) }
            throw error
        }
    }

    private func copiedPart(
        _ exchange: Exchange, from source: S3Store, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> UploadedPart {
        let reply = try client.reply(of: exchange, doing, call)
        try checkCopy(reply, from: source, doing)
        guard let etag = XMLElement(document: reply.body)?["ETag"] else {
            throw PluginError(.transient, "\(doing): S3 answers without an ETag", requestID: reply.requestID)
        }
        return UploadedPart(etag: Reply.unquoted(etag))
    }
}

extension WriteTarget {
    fileprivate init(copying info: ObjectInfo, to key: Key) {
        self.init(key: key, id: .random(), ifNotExists: false, contentType: info.contentType, metadata: [])
    }
}
