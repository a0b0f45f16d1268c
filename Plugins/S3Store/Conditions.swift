import FPPluginKit

/// Whether the service keeps `If-None-Match: *`, which many take and ignore.
struct ConditionProbe {
    /// The requests that can carry it.
    enum Kind: CaseIterable {
        case put
        case complete
    }

    private let setting: Settings.ConditionalWrites
    fileprivate var found: [Kind: Bool] = [:]
    fileprivate var isProbing = false

    init(_ setting: Settings.ConditionalWrites) { self.setting = setting }

    fileprivate func keeps(_ kind: Kind) -> Bool? {
        switch setting {
        case .always: true
        case .never: false
        case .auto: found[kind]
        }
    }

    /// True if a key is known to be created without a race, by either request.
    var isKept: Bool { Kind.allCases.allSatisfy { keeps($0) == true } }
}

extension S3Store {
    /// Makes sure that a write may create its key.
    /// - Returns: true if the request has to carry the condition.
    /// - Throws: `.exists` if the service keeps no conditions, and the key is taken.
    func mayCreate(
        _ key: Key, _ isConditional: Bool, _ kind: ConditionProbe.Kind, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        guard isConditional else { return false }
        if conditions.withLock({ $0.keeps(kind) }) == nil { try probeConditions(call) }
        if conditions.withLock({ $0.keeps(kind) }) == true { return true }
        if try published(key, call) != nil { throw PluginError(.exists, "the key \"\(key)\" is taken") }
        return false
    }

    /// Tries both requests out on an object of the plugin's own.
    func probeConditions(_ call: borrowing Call) throws(PluginError) {
        let isMine: Bool = try conditions.wait(call) { probe in
            if probe.isProbing { return nil }
            if probe.found.count == ConditionProbe.Kind.allCases.count { return false }
            probe.isProbing = true
            return true
        }
        guard isMine else { return }
        defer { conditions.withLock { $0.isProbing = false } }
        let key = settings.objectKey(Self.conditionPrefix + SessionID.random().text)
        let doing = "trying out conditional writes"
        try client.send(S3Request("PUT", key), doing, call).checkStored(doing)
        var isRemoved = false
        defer { if !isRemoved { client.sendInBackground(S3Request("DELETE", key)) } }
        var again = S3Request("PUT", key)
        again.headers = [("If-None-Match", "*")]
        let second = try client.send(again, doing, call)
        let put = try isRefused(second, doing)
        if !put, second.isSuccess { try second.checkStored(doing) }
        let complete = try probeCompletion(key, doing, call)
        // Waited for: a service that keeps directories removes empty ones, and the object that is waiting to be written
        // may need just those.
        isRemoved = try client.send(S3Request("DELETE", key), doing, call).isSuccess
        conditions.withLock {
            $0.found[.put] = put
            $0.found[.complete] = complete
        }
    }

    /// How the names of these objects begin; an id of a session follows.
    static let conditionPrefix = ".fp/condition-"

    /// Whether the service kept the condition.
    /// - Throws: if the reply tells neither way.
    private func isRefused(_ reply: Reply, _ doing: String) throws(PluginError) -> Bool {
        guard !reply.isPage else { throw reply.foreign(doing) }
        if reply.status == 412 || reply.status == 409 || reply.errorCode == "PreconditionFailed" { return true }
        if reply.status == 400 || reply.status == 501 { return false }
        try reply.check(doing)
        return false
    }

    private func probeCompletion(
        _ key: String, _ doing: String, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        let begun = try client.send(S3Request("POST", key, ["uploads": ""]), doing, call)
        try begun.check(doing)
        let id = try client.uploadID(begun, doing)
        var isSettled = false
        defer { if !isSettled { client.sendInBackground(S3Request("DELETE", key, ["uploadId": id])) } }
        var part = S3Request("PUT", key, ["partNumber": "1", "uploadId": id])
        part.body = .bytes([0])
        let sent = try client.send(part, doing, call)
        try sent.checkStored(doing)
        var request = S3Request("POST", key, ["uploadId": id])
        request.headers = [("If-None-Match", "*")]
        request.body = .bytes(
            Array(
                """
                <CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
                <ETag>&quot;\(xmlText(sent.etag))&quot;</ETag></Part></CompleteMultipartUpload>
                """.utf8))
        let reply = try client.send(request, doing, call)
        isSettled = (try? reply.completedTag(doing)) != nil
        let isKept = try isRefused(reply, doing)
        if !isKept, reply.isSuccess { _ = try reply.completedTag(doing) }
        return isKept
    }
}
