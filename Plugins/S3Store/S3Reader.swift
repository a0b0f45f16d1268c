import CChecksums
import FPCurl
import FPPluginKit
import S3Signature

/// Reads one version of an object. When the connection is cut, it asks for the rest of that version.
final class S3Reader: PluginReader {
    private let store: S3Store
    private let key: Key
    /// The version that is read.
    private let version: ObjectInfo
    private let end: UInt64
    private var exchange: Exchange?
    private var position: UInt64
    /// Bytes since the last request: a cut without any is for the host to deal with.
    private var sinceRequest: UInt64 = 0
    private var check: WholeCheck?

    /// - Parameters:
    ///   - exchange: brings the bytes from `position` on; nil if there are none.
    ///   - end: where they end.
    init(
        _ store: S3Store, _ key: Key, _ version: ObjectInfo, from position: UInt64, to end: UInt64,
        _ exchange: Exchange?, check: WholeCheck?
    ) {
        self.store = store
        self.key = key
        self.version = version
        self.position = position
        self.end = end
        self.exchange = exchange
        self.check = check
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, _ call: borrowing Call) throws(PluginError) -> Int {
        while let exchange {
            let (count, hasRoom) = try exchange.read(into: buffer, call)
            if hasRoom { store.client.engine.proceed(exchange) }
            if count > 0 {
                position += UInt64(count)
                sinceRequest += UInt64(count)
                check?.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                if position == end { try check?.verify(key) }
                return count
            }
            guard position < end else { return 0 }
            try reopen(after: exchange, call)
        }
        return 0
    }

    private func reopen(after cut: Exchange, _ call: borrowing Call) throws(PluginError) {
        let doing = "reading \"\(key)\""
        let reason = cut.outcome.map { $0.failure?.text ?? "the reply ended early" } ?? "it was cut"
        guard sinceRequest > 0 else {
            throw PluginError(.transient, "\(doing): \(end - position) bytes are missing: \(reason)")
        }
        sinceRequest = 0
        let request = S3Store.readRequest(store.settings.objectKey(key.string), from: position, to: end, version.etag)
        let (exchange, head) = try store.openStream(request, doing, call)
        self.exchange = exchange
        let reply = Reply(head: head, body: [])
        guard !reply.etag.isEmpty else { throw reply.lacking("an ETag", doing) }
        // Some services take `If-Match` and ignore it.
        guard reply.etag == version.etag, try store.wholeSize(reply, doing) == version.size else {
            throw PluginError(
                .precondition, "\"\(key)\" was replaced while it was read", nativeCode: Int32(clamping: head.status),
                requestID: reply.requestID)
        }
        guard head.brings(position..<end, of: version.size) else { throw reply.lacking("the range asked for", doing) }
    }

    func close() {
        if let exchange { store.client.engine.abort(exchange) }
        exchange = nil
    }
}

/// Compares an object that is read as a whole with the checksum that S3 has for it.
struct WholeCheck {
    private enum Expected {
        case crc32c(UInt32)
        case crc64nvme(UInt64)
    }

    private let expected: Expected
    private var crc32c: UInt32 = 0
    private var crc64nvme: UInt64 = 0

    /// Nil if the reply has no checksum of the whole object. One with a count behind it is of the parts' checksums.
    init?(_ head: ResponseHead) {
        guard head["x-amz-checksum-type"]?.uppercased() != "COMPOSITE" else { return nil }
        if let text = head["x-amz-checksum-crc32c"], let value = Self.number(text, bytes: 4) {
            expected = .crc32c(UInt32(truncatingIfNeeded: value))
        } else if let text = head["x-amz-checksum-crc64nvme"], let value = Self.number(text, bytes: 8) {
            expected = .crc64nvme(value)
        } else {
            return nil
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch expected {
        case .crc32c: crc32c = cs_crc32c(crc32c, bytes.baseAddress, bytes.count)
        case .crc64nvme: crc64nvme = cs_crc64nvme(crc64nvme, bytes.baseAddress, bytes.count)
        }
    }

    func verify(_ key: Key) throws(PluginError) {
        let matches =
            switch expected {
            case .crc32c(let value): value == crc32c
            case .crc64nvme(let value): value == crc64nvme
            }
        guard matches else {
            throw PluginError(
                .transient, "reading \"\(key)\": the bytes do not match the checksum that S3 has for them")
        }
    }

    private static func number(_ base64: String, bytes count: Int) -> UInt64? {
        guard let bytes = [UInt8](base64: base64), bytes.count == count else { return nil }
        return bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension ResponseHead {
    /// Whether the body is just those bytes of an object of `size`, or the whole of it and they are its first. The
    /// field tells, for not every service has the status right.
    fileprivate func brings(_ bytes: Range<UInt64>, of size: UInt64) -> Bool {
        let length = self["content-length"].flatMap(UInt64.init)
        guard let field = self["content-range"] else {
            return status == 200 && bytes.lowerBound == 0 && length == size
        }
        return field.lowercased() == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/\(size)"
            && length ?? UInt64(bytes.count) == UInt64(bytes.count)
    }
}

extension S3Store {
    func openReader(
        _ request: ReadRequest, _ call: borrowing Call
    ) throws(PluginError) -> (reader: any PluginReader, info: ObjectInfo) {
        let key = request.key
        if request.length == 0 {
            let info = try describe(key, call).info
            try match(info, request)
            _ = try request.promisedBytes(ofObjectWith: info.size)
            return (S3Reader(self, key, info, from: 0, to: 0, nil, check: nil), info)
        }
        let doing = "reading \"\(key)\""
        // A range that ends beyond the largest object is sent without an end: some services fail on such numbers.
        let last = request.length.map { request.offset.addingReportingOverflow($0) }
        let bound = last.flatMap { $0.overflow || $0.partialValue > PartSchedule.largestObject ? nil : $0.partialValue }
        let isWhole = request.offset == 0 && bound == nil
        let outgoing = Self.readRequest(
            settings.objectKey(key.string), from: request.offset, to: bound, request.ifMatch, isWhole: isWhole)
        let opened: (exchange: Exchange, head: ResponseHead)
        do throws(PluginError) {
            opened = try openStream(outgoing, doing, of: key, call)
        } catch {
            // An empty object has no ranges, and the reply does not always tell the size.
            guard error.code == .range else { throw error }
            let info = try describe(key, call).info
            try match(info, request)
            guard try request.promisedBytes(ofObjectWith: info.size) == 0 else { throw error }
            return (S3Reader(self, key, info, from: 0, to: 0, nil, check: nil), info)
        }
        do throws(PluginError) {
            let reply = Reply(head: opened.head, body: [])
            let info = try tagged(reply, doing)
            try match(info, request)
            let promised = try request.promisedBytes(ofObjectWith: info.size)
            let end = request.offset + promised
            guard request.offset == 0 || reply.status == 206 || opened.head["content-range"] != nil else {
                throw PluginError(.unsupported, "\(doing): the service does not know ranges")
            }
            guard promised == 0 || opened.head.brings(request.offset..<end, of: info.size) else {
                throw PluginError(
                    .transient, "\(doing): S3 answers \(reply.status) with other bytes than those asked for",
                    nativeCode: Int32(clamping: reply.status), requestID: reply.requestID)
            }
            let reader = S3Reader(
                self, key, info, from: request.offset, to: end, promised == 0 ? nil : opened.exchange,
                check: isWhole ? WholeCheck(opened.head) : nil)
            if promised == 0 { client.engine.abort(opened.exchange) }
            return (reader, info)
        } catch {
            client.engine.abort(opened.exchange)
            throw error
        }
    }

    /// Some services take `If-Match` and ignore it.
    private func match(_ info: ObjectInfo, _ request: ReadRequest) throws(PluginError) {
        guard let wanted = request.ifMatch, !wanted.isEmpty, wanted != info.etag else { return }
        throw PluginError(.precondition, "\"\(request.key)\" was replaced meanwhile")
    }

    /// - Parameter end: the offset behind the last byte; nil for the object's own end.
    static func readRequest(
        _ objectKey: String, from start: UInt64, to end: UInt64?, _ etag: String?, isWhole: Bool = false
    ) -> S3Request {
        var request = S3Request("GET", objectKey)
        request.sink = .stream
        if start > 0 || end != nil {
            request.headers.append(("Range", "bytes=\(start)-\(end.map { String($0 - 1) } ?? "")"))
        }
        if let etag, !etag.isEmpty { request.headers.append(("If-Match", "\"\(etag)\"")) }
        if isWhole { request.headers.append(("x-amz-checksum-mode", "ENABLED")) }
        return request
    }

    /// Sends a request whose body is streamed, and waits for the head.
    func openStream(
        _ request: S3Request, _ doing: String, of key: Key? = nil, _ call: borrowing Call
    ) throws(PluginError) -> (exchange: Exchange, head: ResponseHead) {
        var repairs = Repairs()
        while true {
            let exchange = try client.start(request, call)
            do throws(PluginError) {
                if let head = try exchange.head(call), head.isSuccess { return (exchange, head) }
            } catch {
                client.engine.abort(exchange)
                throw error
            }
            let reply = try client.reply(of: exchange, doing, call)
            if try client.repair(reply, &repairs, call) { continue }
            if reply.status == 403, let key { throw try explain(reply, key, doing, call) }
            throw reply.failure(doing)
        }
    }
}
