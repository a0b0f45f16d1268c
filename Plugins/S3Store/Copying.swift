import FPCurl
import FPFormats
import FPPluginKit
import S3Signature

extension S3Store: CopyingStore, TransferringStore {
    func copy(_ request: CopyRequest, _ call: borrowing Call) throws(PluginError) -> CopyOutcome {
        try transfer(from: self, request, call)
    }

    func transfer(
        from source: S3Store, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> CopyOutcome {
        let theirs = source.settings.endpoint
        let ours = settings.endpoint
        guard (theirs.scheme, theirs.host, theirs.port) == (ours.scheme, ours.host, ours.port) else {
            throw PluginError(.unsupported, "the two buckets are at different services")
        }
        // Two stores may have one place, where a move that copied and removed would lose the object.
        let isItself = theirs.bucket == ours.bucket && isSameObject(request, in: source)
        guard isItself || !(request.move && request.requireAtomic) else {
            throw PluginError(.unsupported, "S3 has no atomic move: it copies, then removes")
        }
        let original = try CopySource(request, in: source, call)
        if isItself {
            // S3 refuses to copy an object onto itself as it is.
            guard !mustBeFree(request) else { throw taken(request.target) }
            return CopyOutcome(info: original.info, streamed: false, atomic: true)
        }
        if mustBeFree(request), try published(request.target, call) != nil { throw taken(request.target) }
        let target = WriteTarget(
            copying: original, to: request, leavingOut: source === self ? [] : source.settings.objectFields)
        let copied: ObjectInfo
        do throws(PluginError) {
            copied = try copyObject(original, to: target, isBound: true, request, call)
        } catch {
            // Some services refuse the ETag that they themselves gave to an object of several parts.
            guard error.code == .precondition, try published(request.target, call) == nil || !mustBeFree(request),
                try original.isUnchanged(call)
            else { throw error }
            copied = try copyUnbound(original, to: target, request, call)
        }
        if request.move { try source.remove(request.source, call) }
        return CopyOutcome(info: copied, streamed: false, atomic: !request.move)
    }

    /// Whether both keys are one in the bucket, by bytes.
    private func isSameObject(_ request: CopyRequest, in source: S3Store) -> Bool {
        source.settings.objectKey(request.source.string).utf8.elementsEqual(
            settings.objectKey(request.target.string).utf8)
    }

    private func mustBeFree(_ request: CopyRequest) -> Bool { request.ifNotExists || !settings.allowsOverwrite }

    private func taken(_ key: Key) -> PluginError { PluginError(.exists, "the key \"\(key)\" is taken") }

    private func copyObject(
        _ original: CopySource, to target: WriteTarget, isBound: Bool, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        original.info.size > settings.copyThreshold
            ? try copyInParts(original, to: target, isBound: isBound, request, call)
            : try copyWhole(original, to: target, isBound: isBound, request, call)
    }

    /// Copies without naming the version, between two looks at it.
    private func copyUnbound(
        _ original: CopySource, to target: WriteTarget, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let copied = try copyObject(original, to: target, isBound: false, request, call)
        guard try !original.isUnchanged(call) else { return copied }
        if try ownObject(request.target, target.id, call) != nil { try remove(request.target, call) }
        throw PluginError(.precondition, "\"\(request.source)\" was replaced while it was copied")
    }

    /// The header fields of a copy: those that all objects of this store get, and the name by which this copy is
    /// recognised if the reply is lost.
    private func targetFields(_ target: WriteTarget, from source: S3Store) -> [(name: String, value: String)] {
        var fields = target.fields(with: settings.objectFields)
        fields.append(("x-amz-metadata-directive", "REPLACE"))
        // Not every service knows tags, and none has to where neither store gives any.
        if (settings.objectFields + source.settings.objectFields).contains(where: { $0.name == "x-amz-tagging" }) {
            fields.append(("x-amz-tagging-directive", "REPLACE"))
        }
        return fields
    }

    private func copyWhole(
        _ original: CopySource, to target: WriteTarget, isBound: Bool, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let doing = "copying \"\(request.source)\" to \"\(request.target)\""
        var outgoing = S3Request("PUT", settings.objectKey(request.target.string))
        outgoing.headers = original.fields(isBound: isBound) + targetFields(target, from: original.store)
        return try settleCopy(original, target, request, call) { (call) throws(PluginError) in
            let reply =
                mustBeFree(request) && settings.conditionalWrites != .never
                ? try sendCondition(with: outgoing, from: original.store, doing, call)
                : try sendCopy(outgoing, from: original.store, doing, call)
            return ObjectInfo(
                size: original.info.size,
                modifiedNanoseconds: XMLElement(document: reply.body)?["LastModified"]
                    .flatMap { Timestamp(iso8601: $0)?.nanoseconds },
                etag: try reply.resultTag(doing, of: "CopyObject"), contentType: target.contentType ?? "")
        }
    }

    /// Sends a copy that fails if its target has appeared since the check, as far as the service can do that.
    private func sendCondition(
        with outgoing: S3Request, from source: S3Store, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        var conditional = outgoing
        conditional.headers.append(("If-None-Match", "*"))
        do throws(PluginError) {
            return try sendCopy(conditional, from: source, doing, call)
        } catch {
            guard error.code == .unsupported, error.nativeCode == 501 else { throw error }
            return try sendCopy(outgoing, from: source, doing, call)
        }
    }

    /// Sends a request that copies. Its reply may be a failure in spite of its status.
    private func sendCopy(
        _ request: S3Request, from source: S3Store, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> Reply {
        let reply = try client.send(request, doing, call)
        try checkCopy(reply, from: source, doing)
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

    /// Runs `body`, and looks for itself where its failure leaves open whether the copy was made, as
    /// ``settleDoubt(_:_:size:_:_:_:)`` does for a write.
    private func settleCopy(
        _ original: CopySource, _ target: WriteTarget, _ request: CopyRequest, _ call: borrowing Call,
        _ body: (borrowing Call) throws(PluginError) -> ObjectInfo
    ) throws(PluginError) -> ObjectInfo {
        do throws(PluginError) {
            return try body(call)
        } catch {
            var error = error
            guard [.transient, .timeout, .cancelled, .precondition].contains(error.code) else { throw error }
            let found: (id: SessionID?, info: ObjectInfo)?
            do throws(PluginError) {
                found = try published(request.target, call)
            } catch let second {
                if error.code == .precondition { error.code = .transient }
                error.message += "; and then \(second.message)"
                error.outcomeUnknown = true
                throw error
            }
            if let id = target.id, let found, found.id == id, found.info.size == original.info.size {
                return found.info
            }
            // A service may keep the source's metadata whatever it was asked for: then it may be this copy.
            let mayBeOurs =
                found.map { ($0.id == nil || $0.id == original.id) && $0.info.size == original.info.size } ?? false
            if error.code == .precondition, let found {
                guard mayBeOurs, found.info.etag == original.info.etag else {
                    // Where nothing has to be free, the condition was the source's.
                    throw mustBeFree(request) ? taken(request.target) : error
                }
                error.code = .transient
            }
            error.outcomeUnknown = mayBeOurs
            throw error
        }
    }

    /// A part of a copy on its way.
    private struct MovingCopy {
        let request: S3Request
        var exchange: Exchange
        var repairs = Repairs()
        var backoff = Backoff()
    }

    private func copyInParts(
        _ original: CopySource, to target: WriteTarget, isBound: Bool, _ request: CopyRequest, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let size = original.info.size
        let schedule = PartSchedule(size: size, partSize: min(settings.copyThreshold, 1 << 30))
        let token = SessionToken(
            key: request.target, uploadID: try client.createMultipart(target, checksum: .none, call), id: target.id,
            schedule: schedule, ifNotExists: request.ifNotExists)
        let fields = original.fields(isBound: isBound)
        let doing = "copying \"\(request.source)\" to \"\(request.target)\""
        var moving: [MovingCopy] = []
        do throws(PluginError) {
            var parts: [UploadedPart] = []
            let last = schedule.part(at: size - 1).number
            for number in 1...last {
                if moving.count >= settings.concurrency {
                    parts.append(try copiedPart(moving.removeFirst(), from: original.store, doing, call))
                }
                let start = schedule.start(of: number)
                let end = min(start + schedule.size(of: number), size)
                var outgoing = S3Request(
                    "PUT", settings.objectKey(request.target.string),
                    ["partNumber": String(number), "uploadId": token.uploadID])
                outgoing.headers = fields + [("x-amz-copy-source-range", "bytes=\(start)-\(end - 1)")]
                moving.append(MovingCopy(request: outgoing, exchange: try client.start(outgoing, call)))
            }
            while !moving.isEmpty {
                parts.append(try copiedPart(moving.removeFirst(), from: original.store, doing, call))
            }
            return try completeCopy(token, parts, size: size, isConditional: mustBeFree(request), call)
        } catch {
            for part in moving { client.engine.abort(part.exchange) }
            if !error.outcomeUnknown { client.sendInBackground(client.abortRequest(token)) }
            throw error
        }
    }

    /// Waits for a part, and asks for it again after transient failures: to repeat the call would repeat all parts.
    private func copiedPart(
        _ part: MovingCopy, from source: S3Store, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> UploadedPart {
        var part = part
        while true {
            do throws(PluginError) {
                let reply = try client.reply(of: part.exchange, doing, call)
                if try !client.repair(reply, &part.repairs, call) {
                    try checkCopy(reply, from: source, doing)
                    return UploadedPart(etag: try reply.resultTag(doing, of: "Copy"))
                }
            } catch {
                try part.backoff.wait(after: error, call)
            }
            part.exchange = try client.start(part.request, call)
        }
    }

    private func completeCopy(
        _ token: SessionToken, _ parts: [UploadedPart], size: UInt64, isConditional: Bool, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        var backoff = Backoff()
        while true {
            do throws(PluginError) {
                return try publish(token, parts, size: size, checksum: nil, isConditional: isConditional, call)
            } catch {
                guard !error.outcomeUnknown else { throw error }
                try backoff.wait(after: error, call)
            }
        }
    }
}

/// The version of an object that is copied.
private struct CopySource {
    let store: S3Store
    let key: Key
    let info: ObjectInfo
    let head: ResponseHead

    /// Looks at it, and compares its tag, which some services do not do themselves.
    init(_ request: CopyRequest, in store: S3Store, _ call: borrowing Call) throws(PluginError) {
        self.store = store
        key = request.source
        let (reply, info) = try store.describe(key, call)
        guard request.ifMatch == nil || request.ifMatch == info.etag else {
            throw PluginError(.precondition, "\"\(key)\" was replaced meanwhile")
        }
        self.info = info
        head = reply.head
    }

    var id: SessionID? { head[SessionID.field].flatMap { SessionID($0) } }

    func isUnchanged(_ call: borrowing Call) throws(PluginError) -> Bool {
        let now = try store.describe(key, call).info
        return now.etag == info.etag && now.size == info.size
    }

    /// The fields that name it.
    /// - Parameter isBound: true to have no other version copied under its size.
    func fields(isBound: Bool) -> [(name: String, value: String)] {
        let bucket = PercentEncoding.encode(store.settings.endpoint.bucket, keepingSlashes: false)
        let path = PercentEncoding.encode(store.settings.objectKey(key.string), keepingSlashes: true)
        var fields = [(name: "x-amz-copy-source", value: "\(bucket)/\(path)")]
        if isBound { fields.append(("x-amz-copy-source-if-match", "\"\(info.etag)\"")) }
        return fields
    }

    /// What it says of its content, and whatever metadata it was given.
    /// - Parameter others: what the store that it lies in gives all of its objects.
    func attributes(leavingOut others: [(name: String, value: String)]) -> [(name: String, value: String)] {
        let names = ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"]
        let present = Set(head.fields.map(\.name)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return present.compactMap { name in
            guard names.contains(name) || name.utf8.starts(with: "x-amz-meta-".utf8), name != SessionID.field,
                let value = head[name], ObjectParameters.isText(value),
                !others.contains(where: { $0.name.lowercased().utf8.elementsEqual(name.utf8) && $0.value == value })
            else { return nil }
            return (name: name, value: value)
        }
    }
}

extension WriteTarget {
    fileprivate init(
        copying original: CopySource, to request: CopyRequest, leavingOut others: [(name: String, value: String)]
    ) {
        let type = request.contentType ?? original.info.contentType
        self.init(
            key: request.target, id: .random(), ifNotExists: request.ifNotExists, contentType: type,
            metadata: original.attributes(leavingOut: others))
    }
}
