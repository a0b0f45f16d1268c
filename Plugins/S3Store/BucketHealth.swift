import FPPluginKit

extension S3Store {
    func health(deep: Bool, _ call: borrowing Call) throws(PluginError) -> Health {
        let doing = "looking at the bucket \(settings.endpoint.bucket)"
        var reply = try client.send(S3Request("HEAD", nil), doing, call)
        if reply.status == 404, settings.createsBucket {
            try client.makeBucket(call)
            reply = try client.send(S3Request("HEAD", nil), doing, call)
        }
        let isDoubtful = reply.isSuccess && reply.head["content-type"]?.lowercased().hasPrefix("text/html") == true
        if !reply.isSuccess || isDoubtful {
            // A head has no body, so that nothing tells why, or who has answered.
            let request = S3Request("GET", nil, ["list-type": "2", "max-keys": "1"])
            reply = try client.send(request, doing, call)
            if reply.isSuccess, XMLElement(document: reply.body)?.name != "ListBucketResult" {
                throw reply.lacking("a list", doing)
            }
        }
        guard reply.isSuccess else { return try unwell(reply, doing) }
        guard deep else { return Health(.ok) }
        return try probe(call)
    }

    /// What a failed look says. Without the permission to list, reads and writes may still work.
    private func unwell(_ reply: Reply, _ doing: String) throws(PluginError) -> Health {
        let failure = reply.failure(doing)
        switch failure.code {
        case .denied: return Health(.degraded, detail: "\(failure.message); reads and writes may work without")
        case .transient, .throttled, .timeout, .cancelled: throw failure
        default: return Health(.down, detail: failure.message)
        }
    }

    /// Writes, reads back and removes an object, and learns whether conditions are kept.
    private func probe(_ call: borrowing Call) throws(PluginError) -> Health {
        let key = settings.objectKey(".fp/probe-" + SessionID.random().text)
        let content = Array("fphost".utf8)
        do throws(PluginError) {
            var put = S3Request("PUT", key)
            put.body = .bytes(content)
            do throws(PluginError) {
                try client.send(put, "writing a probe", call).checkStored("writing a probe")
            } catch  where error.code == .denied {
                // It is not about this key, which is the plugin's own: the credentials may not write.
                return Health(.degraded, limits: .cannotWrite, detail: error.message)
            }
            defer { client.sendInBackground(S3Request("DELETE", key)) }
            let got = try client.send(S3Request("GET", key), "reading a probe", call)
            try got.check("reading a probe")
            guard got.body == content else {
                return Health(.down, detail: "a probe came back with other bytes than it was written with")
            }
            let gone = try client.send(S3Request("DELETE", key), "removing a probe", call)
            guard gone.isSuccess else {
                return Health(.degraded, detail: gone.failure("removing a probe").message)
            }
            if settings.conditionalWrites == .auto { try probeConditions(call) }
            return Health(.ok)
        } catch {
            switch error.code {
            case .transient, .throttled, .timeout, .cancelled: throw error
            case .noSpace: return Health(.degraded, limits: .noSpace, detail: error.message)
            case .readOnly: return Health(.degraded, limits: .cannotWrite, detail: error.message)
            default: return Health(.down, detail: error.message)
            }
        }
    }
}
