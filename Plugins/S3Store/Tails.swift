import FPPluginKit
import S3Signature

/// The mark that a sync leaves: an object below ".fp/t/" that holds the bytes after the last whole part, and the
/// checksums of the parts, under a name that says how far the session had come.
///
/// It is what makes a session's state certain. Parts that S3 holds beyond the newest mark are left over from a crash or
/// from before a rewind, and count for nothing. So do marks that are neither the newest nor named by it: a request that
/// was given up may leave one late.
struct Tail: Equatable, Sendable {
    /// The session's durable bytes.
    let end: UInt64
    /// Tells whether the parts below, and the bytes in the object, are those of the sync.
    let digest: String
    let id: SessionID?
    let schedule: PartSchedule
    let ifNotExists: Bool
    let age: Age
    /// Random, so that no two marks share a name: the removal of one may take effect late, and must not hit another.
    let nonce: String
    /// The nonce of the mark before, which the session may be rewound to; empty if there is none.
    let predecessor: String

    /// How often the session had been resumed when the mark was left, and when that was.
    struct Age: Equatable, Comparable, Sendable {
        var generation: UInt32 = 0
        /// In microseconds since 1970, by the clock of the machine that left it.
        var time: UInt64 = 0

        static func < (left: Age, right: Age) -> Bool {
            (left.generation, left.time) < (right.generation, right.time)
        }
    }

    /// A mark that comes after `last`, in a session that has been resumed `generation` times.
    init(end: UInt64, digest: String, _ token: SessionToken, generation: UInt32, after last: Tail?) {
        self.end = end
        self.digest = digest
        nonce = String(SessionID.random().text.prefix(8))
        predecessor = last?.nonce ?? ""
        age = Age(
            generation: generation, time: max(Timestamp.microsecondsNow, last.map { $0.age.time &+ 1 } ?? 0))
        id = token.id
        schedule = token.schedule
        ifNotExists = token.ifNotExists
    }

    /// The last segment of the object's key.
    var name: String {
        let flags = (ifNotExists ? 1 : 0) | (schedule.grows ? 2 : 0)
        return [
            Hexadecimal.text(end), digest, id?.text ?? "", String(schedule.base, radix: 16), String(flags),
            String(age.generation, radix: 16), String(age.time, radix: 16), nonce, predecessor,
        ].joined(separator: "-")
    }

    /// Nil if it is none of ours.
    init?(name: some StringProtocol) {
        let words = name.split(separator: "-", omittingEmptySubsequences: false)
        guard words.count == 9, words.allSatisfy({ $0.utf8.allSatisfy(Hexadecimal.isDigit) }),
            words[0].utf8.count == 16, let end = UInt64(words[0], radix: 16), words[1].utf8.count == 16,
            words[2].isEmpty || words[2].utf8.count == 32,
            let base = UInt64(words[3], radix: 16), base > 0, let flags = UInt8(words[4]), flags <= 3,
            let generation = UInt32(words[5], radix: 16), let time = UInt64(words[6], radix: 16),
            words[7].utf8.count == 8, words[8].isEmpty || words[8].utf8.count == 8
        else { return nil }
        self.end = end
        digest = String(words[1])
        id = SessionID(words[2])
        schedule = PartSchedule(base: base, grows: flags & 2 != 0)
        ifNotExists = flags & 1 != 0
        age = Age(generation: generation, time: time)
        nonce = String(words[7])
        predecessor = String(words[8])
    }

    /// Ties the parts below a mark and its own content together.
    /// - Parameters:
    ///   - etags: of the parts from 1 on.
    ///   - content: the SHA-256 of the object's content.
    static func digest(etags: [String], content: [UInt8]) -> String {
        sha256((etags + [content.hexadecimal]).joined(separator: "\n").utf8).prefix(8).hexadecimal
    }

    /// The checksums of the parts, one after the other; none unless all parts have one. They are kept because the
    /// request that completes the upload has to repeat them, and a service's list of parts need not have them.
    static func checksums(of parts: [UploadedPart]) -> [UInt8] {
        let known = parts.compactMap { part in part.checksum.flatMap { Array(base64: $0) } }
        return known.count == parts.count && Set(known.map(\.count)).count <= 1 ? known.flatMap { $0 } : []
    }

    /// Gives parts their checksums back.
    func addChecksums(_ bytes: ArraySlice<UInt8>, to parts: inout [UploadedPart]) {
        guard !parts.isEmpty, !bytes.isEmpty, bytes.count % parts.count == 0 else { return }
        let width = bytes.count / parts.count
        for index in parts.indices {
            parts[index].checksum = bytes.dropFirst(index * width).prefix(width).base64
        }
    }

    /// Where the marks of all sessions are, without `location`.
    static let directory = ".fp/t/"
}

extension SessionToken {
    /// Where the session's marks are, without `location`. A function of what a list of uploads tells.
    var tailDirectory: String {
        Tail.directory + sha256("\(uploadID)\n\(key)".utf8).prefix(16).hexadecimal + "/"
    }

    /// The same session with what a mark says of it.
    func adopting(_ tail: Tail?) -> SessionToken {
        guard let tail else { return self }
        return SessionToken(
            key: key, uploadID: uploadID, id: id ?? tail.id, schedule: tail.schedule, ifNotExists: tail.ifNotExists)
    }
}

extension [Tail] {
    /// Of a session's marks, the newest last, those that count, in the same order.
    var live: [Tail] {
        guard let newest = last else { return [] }
        return filter { $0.nonce == newest.predecessor && $0.end < newest.end } + [newest]
    }
}

extension S3Client {
    /// All marks of the session, the newest last.
    func tails(of token: SessionToken, _ call: borrowing Call) throws(PluginError) -> [Tail] {
        var found: [Tail] = []
        let directory = settings.objectKey(token.tailDirectory)
        try eachObject(prefix: directory, after: "", "going on with the upload of \"\(token.key)\"", call) { object in
            guard object.key.utf8.starts(with: directory.utf8) else { return true }
            let name = String(decoding: object.key.utf8.dropFirst(directory.utf8.count), as: UTF8.self)
            if let tail = Tail(name: name) { found.append(tail) }
            return true
        }
        return found.sorted { $0.age < $1.age }
    }

    /// Leaves a mark.
    /// - Parameters:
    ///   - end: the durable bytes.
    ///   - parts: the whole parts.
    ///   - buffer: the bytes after them.
    ///   - generation: how often the session has been resumed.
    ///   - last: the mark that the session may be rewound to.
    func leaveMark(
        at end: UInt64, _ parts: [UploadedPart], _ buffer: PartBuffer?, of token: SessionToken, generation: UInt32,
        after last: Tail?, _ call: borrowing Call
    ) throws(PluginError) -> Tail {
        let checksums = Tail.checksums(of: parts)
        let content = try RunningDigest(.sha256)
        var sum = try RunningChecksum(settings.checksum)
        func add(_ piece: UnsafeRawBufferPointer) {
            content.update(piece)
            sum.update(piece)
        }
        if let buffer { try buffer.eachPiece(add) }
        checksums.withUnsafeBytes(add)
        let hash = try content.current()
        let tail = Tail(
            end: end, digest: Tail.digest(etags: parts.map(\.etag), content: hash), token, generation: generation,
            after: last)
        var request = tailRequest("PUT", tail, of: token)
        request.body = .part(buffer, suffix: checksums)
        request.payloadHash = hash.hexadecimal
        if let field = try sum.field(sha256: hash) { request.headers.append(field) }
        let doing = "keeping the last bytes of \"\(token.key)\""
        // The same mark each time: one whose reply was lost is written again as it is.
        var backoff = Backoff()
        while true {
            do throws(PluginError) {
                try send(request, doing, call).checkStored(doing)
                return tail
            } catch {
                try backoff.wait(after: error, call)
            }
        }
    }

    /// The content of a mark, as the body of a reply.
    func content(of tail: Tail, of token: SessionToken, _ call: borrowing Call) throws(PluginError) -> Reply {
        let doing = "reading the last bytes of \"\(token.key)\""
        let reply = try send(tailRequest("GET", tail, of: token), doing, call)
        // The user's bytes may look like an error.
        guard reply.isSuccess else { throw reply.failure(doing) }
        return reply
    }

    func remove(_ tail: Tail, of token: SessionToken, _ call: borrowing Call) throws(PluginError) {
        let doing = "dropping bytes of \"\(token.key)\""
        try send(tailRequest("DELETE", tail, of: token), doing, call).check(doing)
    }

    func removeInBackground(_ tail: Tail, of token: SessionToken) {
        sendInBackground(tailRequest("DELETE", tail, of: token))
    }

    private func tailRequest(_ method: String, _ tail: Tail, of token: SessionToken) -> S3Request {
        S3Request(method, settings.objectKey(token.tailDirectory + tail.name))
    }
}
