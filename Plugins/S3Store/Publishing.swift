import FPPluginKit

/// Making an object out of what was sent: exactly once, whatever happens to the reply.
extension S3Store {
    /// Stores an object with one request.
    func publish(
        _ target: WriteTarget, _ buffer: PartBuffer?, isConditional: Bool, _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let size = UInt64(buffer?.count ?? 0)
        let doing = "storing \"\(target.key)\""
        let sendsCondition = try mayCreate(target.key, isConditional, .put, call)
        var request = S3Request("PUT", settings.objectKey(target.key.string))
        request.headers = target.fields(with: settings.objectFields)
        if sendsCondition { request.headers.append(("If-None-Match", "*")) }
        try client.fill(&request, with: buffer)
        return try settleDoubt(target.key, target.id, size: size, doing, call) { (call) throws(PluginError) in
            let reply = try client.send(request, doing, call)
            try reply.checkStored(doing)
            return ObjectInfo(size: size, etag: reply.etag, contentType: target.contentType ?? "")
        }
    }

    /// Completes a multipart upload.
    func publish(
        _ token: SessionToken, _ parts: [UploadedPart], size: UInt64, checksum: UInt64?, isConditional: Bool,
        _ call: borrowing Call
    ) throws(PluginError) -> ObjectInfo {
        let doing = "storing \"\(token.key)\""
        let sendsCondition = try mayCreate(token.key, isConditional, .complete, call)
        return try settleCompletion(token, size: size, doing, call) { (call) throws(PluginError) in
            let reply = try client.completeMultipart(
                token, parts, isConditional: sendsCondition, checksum: checksum, call)
            let etag = try reply.completedTag(doing)
            // What the object is now, for the result does not tell; and a last look at its size.
            let found: (id: SessionID?, info: ObjectInfo)
            do throws(PluginError) {
                found = try describedWrite(token.key, call)
            } catch {
                guard error.code != .notFound else { throw reply.lacking("the object being there", doing) }
                return ObjectInfo(size: size, etag: etag)
            }
            if found.info.size == size { return found.info }
            guard let id = token.id, found.id == id else { return ObjectInfo(size: size, etag: etag) }
            throw wrongSize(found.info, size, doing)
        }
    }

    /// As ``settleDoubt(_:_:size:_:_:_:)``. To make an object of parts takes time, and may go on when the reply is lost:
    /// that there is no object yet says something only while its upload is there.
    private func settleCompletion(
        _ token: SessionToken, size: UInt64, _ doing: String, _ call: borrowing Call,
        _ body: (borrowing Call) throws(PluginError) -> ObjectInfo
    ) throws(PluginError) -> ObjectInfo {
        do throws(PluginError) {
            return try settleDoubt(token.key, token.id, size: size, doing, call, body)
        } catch {
            var error = error
            guard error.code == .transient, !error.outcomeUnknown else { throw error }
            error.outcomeUnknown = (try? client.listParts(token, call)) ?? nil == nil
            throw error
        }
    }

    private func wrongSize(_ info: ObjectInfo, _ size: UInt64, _ doing: String) -> PluginError {
        PluginError(.corrupt, "\(doing): S3 made an object of \(info.size) bytes out of \(size)")
    }

    /// Runs `body`, and looks for itself where its failure leaves open whether the object is there.
    ///
    /// The object carries the id of the write that made it. A look that finds it is the success; one that finds nothing,
    /// or another write's object, says that nothing has happened, so that the commit may be tried again; one that cannot
    /// tell leaves the outcome unknown.
    func settleDoubt(
        _ key: Key, _ id: SessionID?, size: UInt64, _ doing: String, _ call: borrowing Call,
        _ body: (borrowing Call) throws(PluginError) -> ObjectInfo
    ) throws(PluginError) -> ObjectInfo {
        do throws(PluginError) {
            return try body(call)
        } catch {
            var error = error
            switch error.code {
            case .transient, .timeout, .cancelled, .precondition, .gone, .notFound: break
            default: throw error
            }
            let found: (id: SessionID?, info: ObjectInfo)?
            do throws(PluginError) {
                found = try published(key, call)
            } catch let second {
                // Even a failed condition may have failed because of this very object, the reply about which was lost.
                let isTold = [.transient, .timeout, .cancelled].contains(error.code)
                throw PluginError(
                    isTold ? error.code : .transient, "\(error.message); and then \(second.message)",
                    nativeCode: error.nativeCode, retryAfter: error.retryAfter, outcomeUnknown: true,
                    requestID: error.requestID)
            }
            if let id, let found, found.id == id {
                guard found.info.size == size else { throw wrongSize(found.info, size, doing) }
                return found.info
            }
            if error.code == .precondition, found != nil {
                throw PluginError(
                    .exists, "the key \"\(key)\" is taken", nativeCode: error.nativeCode, requestID: error.requestID)
            }
            // A condition that fails on nothing: what was there has gone in between.
            if error.code == .precondition { error.code = .transient }
            if error.code == .notFound { error.code = .gone }
            // A service that tells no metadata leaves open whose object of this size it is.
            error.outcomeUnknown = error.code != .gone && found.map { $0.id == nil && $0.info.size == size } ?? false
            throw error
        }
    }

    /// The object under a key, with the id of the write that made it; nil if there is none.
    func published(_ key: Key, _ call: borrowing Call) throws(PluginError) -> (id: SessionID?, info: ObjectInfo)? {
        do throws(PluginError) {
            return try describedWrite(key, call)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    private func describedWrite(
        _ key: Key, _ call: borrowing Call
    ) throws(PluginError) -> (id: SessionID?, info: ObjectInfo) {
        let (reply, info) = try describe(key, call)
        return (reply.head[SessionID.field].flatMap { SessionID($0) }, info)
    }

    /// The object that a write has made already; nil if it has not.
    func ownObject(_ key: Key, _ id: SessionID?, _ call: borrowing Call) throws(PluginError) -> ObjectInfo? {
        guard let id, let found = try published(key, call), found.id == id else { return nil }
        return found.info
    }

    /// Drops a session with everything that is kept for it. What it has published stays, and the upload with it: a
    /// service that still knows a completed upload may take the object's parts for the upload's.
    func discard(_ token: SessionToken, _ call: borrowing Call) throws(PluginError) {
        if try ownObject(token.key, token.id, call) == nil { try client.abortMultipart(token, call) }
        for tail in try client.tails(of: token, call) { try client.remove(tail, of: token, call) }
    }
}
