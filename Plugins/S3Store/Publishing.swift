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
        request.headers = target.fields + settings.objectFields
        if sendsCondition { request.headers.append(("If-None-Match", "*")) }
        try client.fill(&request, with: buffer)
        return try settleDoubt(target.key, target.id, size: size, call) { (call) throws(PluginError) in
            let reply = try client.send(request, doing, call)
            try reply.check(doing)
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
        return try settleDoubt(token.key, token.id, size: size, call) { (call) throws(PluginError) in
            let reply = try client.completeMultipart(
                token, parts, isConditional: sendsCondition, checksum: checksum, call)
            try reply.check(doing)
            guard let result = XMLElement(document: reply.body), result.name.hasPrefix("CompleteMultipartUpload") else {
                throw PluginError(.transient, "\(doing): S3 answers without a result", requestID: reply.requestID)
            }
            // What the object is now, for the result does not tell; and a last look at its size.
            guard let found = try? published(token.key, call) else {
                return ObjectInfo(size: size, etag: Reply.unquoted(result["ETag"] ?? ""))
            }
            guard found.id != token.id || token.id == nil || found.info.size == size else {
                throw PluginError(
                    .corrupt, "\(doing): S3 made an object of \(found.info.size) bytes out of \(size)",
                    requestID: reply.requestID)
            }
            return found.info.size == size
                ? found.info : ObjectInfo(size: size, etag: Reply.unquoted(result["ETag"] ?? ""))
        }
    }

    /// Runs `body`, and looks for itself where its failure leaves open whether the object is there.
    private func settleDoubt(
        _ key: Key, _ id: SessionID?, size: UInt64, _ call: borrowing Call,
        _ body: (borrowing Call) throws(PluginError) -> ObjectInfo
    ) throws(PluginError) -> ObjectInfo {
        do throws(PluginError) {
            return try body(call)
        } catch {
            var error = error
            switch error.code {
            case .transient, .timeout, .cancelled, .precondition, .gone, .notFound, .corrupt: break
            default: throw error
            }
            guard error.code != .corrupt else { throw error }
            let found: (id: SessionID?, info: ObjectInfo)?
            do throws(PluginError) {
                found = try published(key, call)
            } catch let second {
                // Even a failed condition may have failed because of this very object, the reply about which was lost.
                let isTold = [.transient, .timeout, .cancelled].contains(error.code)
                throw PluginError(
                    isTold ? error.code : .transient, "\(error.message); and then \(second.message)",
                    nativeCode: error.nativeCode, outcomeUnknown: true, requestID: error.requestID)
            }
            if let id, let found, found.id == id, found.info.size == size { return found.info }
            if error.code == .precondition {
                throw PluginError(
                    .exists, "the key \"\(key)\" is taken", nativeCode: error.nativeCode, requestID: error.requestID)
            }
            if error.code == .notFound { error.code = .gone }
            error.outcomeUnknown = error.code != .gone
            throw error
        }
    }

    /// The object under a key, with the id of the write that made it; nil if there is none.
    func published(_ key: Key, _ call: borrowing Call) throws(PluginError) -> (id: SessionID?, info: ObjectInfo)? {
        do throws(PluginError) {
            let (reply, info) = try describe(key, call)
            return (reply.head[SessionID.field].flatMap { SessionID($0) }, info)
        } catch {
            if error.code == .notFound { return nil }
            throw error
        }
    }

    /// Drops a session with everything that is kept for it.
    func discard(_ token: SessionToken, _ call: borrowing Call) throws(PluginError) {
        try client.abortMultipart(token, call)
        for tail in try client.tails(of: token, call) { try client.remove(tail, of: token, call) }
    }
}
