import CCurl
import Glibc

/// An easy handle of libcurl: one request at a time, set up by `prepare` and driven by a ``MultiHandle``.
package final class EasyHandle {
    let raw: UnsafeMutableRawPointer
    /// The handle that drives it, while a request is under way.
    weak var multi: MultiHandle?

    private var delegate: (any EasyDelegate)?
    private var head = ResponseHead()
    private var headProblem: String?
    private var isAbandoned = false
    private var hasLookedUp = false
    /// The request's own fields; libcurl does not copy them.
    private var fields: UnsafeMutablePointer<curl_slist>?
    /// Where libcurl writes what went wrong.
    private let problem = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init() throws(CurlFailure) {
        try LibCurl.start()
        guard let raw = curl_easy_init() else {
            problem.deallocate()
            throw .exhausted
        }
        self.raw = raw
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(raw)
        curl_slist_free_all(fields)
        problem.deallocate()
    }

    /// The handle that libcurl knows by that pointer.
    static func of(_ raw: UnsafeMutableRawPointer) -> EasyHandle? {
        var context: UnsafeMutableRawPointer?
        guard fp_curl_easy_getinfo_pointer(raw, CURLINFO_PRIVATE, &context) == CURLE_OK, let context else { return nil }
        return from(context)
    }

    /// The handle that a callback is about: libcurl was given it, and calls back only while a request is under way.
    private static func from(_ context: UnsafeMutableRawPointer?) -> EasyHandle {
        guard let context else { preconditionFailure("libcurl calls back without the data it was given") }
        return Unmanaged<EasyHandle>.fromOpaque(context).takeUnretainedValue()
    }

    /// Makes the handle ready for a request, of which the delegate is told until ``clear()``.
    func prepare(_ options: EasyOptions, _ delegate: any EasyDelegate) throws(CurlFailure) {
        clear()
        self.delegate = delegate
        try options.apply(to: self)
        for field in options.fields {
            guard let longer = curl_slist_append(fields, field) else { throw .exhausted }
            fields = longer
        }
        try check(CURLOPT_HTTPHEADER, fp_curl_easy_setopt_slist(raw, CURLOPT_HTTPHEADER, fields))
        try setCallbacks()
    }

    /// What came of a request that ended with that code; nil for success.
    func failure(_ code: CURLcode) -> CurlFailure? {
        guard code != CURLE_OK else { return nil }
        if let headProblem { return CurlFailure(.badHead, code: code, text: headProblem) }
        let text = String(cString: problem)
        return CurlFailure(code, text: text.isEmpty ? nil : text)
    }

    /// Forgets the last request, which must have been removed from its ``MultiHandle``. What libcurl keeps for later
    /// requests stays: above all connections and TLS sessions.
    func clear() {
        curl_easy_reset(raw)
        curl_slist_free_all(fields)
        fields = nil
        problem.pointee = 0
        delegate = nil
        head = ResponseHead()
        headProblem = nil
        isAbandoned = false
        hasLookedUp = false
    }

    /// Goes on with what was paused by ``Intake/full``.
    func proceed() -> CURLcode { curl_easy_pause(raw, CURLPAUSE_CONT) }

    /// Whether a name lookup is under way. It cannot be stopped, it goes on in a thread of libcurl's.
    var isResolving: Bool {
        var elapsed: curl_off_t = 0
        fp_curl_easy_getinfo_offset(raw, CURLINFO_NAMELOOKUP_TIME_T, &elapsed)
        return hasLookedUp && elapsed == 0
    }

    /// Makes the request fail at the next callback.
    func abandon() { isAbandoned = true }
}

// libcurl's callbacks.
extension EasyHandle {
    private func setCallbacks() throws(CurlFailure) {
        let own = Unmanaged.passUnretained(self).toOpaque()
        try set(CURLOPT_PRIVATE, own)
        try set(CURLOPT_ERRORBUFFER, problem)
        try set(CURLOPT_HEADERDATA, own)
        try set(CURLOPT_WRITEDATA, own)
        try set(CURLOPT_READDATA, own)
        try set(CURLOPT_SEEKDATA, own)
        try set(CURLOPT_OPENSOCKETDATA, own)
        try set(CURLOPT_RESOLVER_START_DATA, own)
        try check(
            CURLOPT_HEADERFUNCTION,
            fp_curl_easy_setopt_write(raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, own in
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return EasyHandle.from(own).receive(headLine: line) ? line.count : Int(CURL_WRITEFUNC_ERROR)
            })
        try check(
            CURLOPT_WRITEFUNCTION,
            fp_curl_easy_setopt_write(raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, own in
                let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return switch EasyHandle.from(own).current?.receive(body: body) {
                case .taken: body.count
                case .full: Int(CURL_WRITEFUNC_PAUSE)
                case .unwanted, nil: Int(CURL_WRITEFUNC_ERROR)
                }
            })
        try check(
            CURLOPT_READFUNCTION,
            fp_curl_easy_setopt_read(raw, CURLOPT_READFUNCTION) { buffer, size, count, own in
                let buffer = UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
                return EasyHandle.from(own).current?.send(into: buffer) ?? Int(CURL_READFUNC_ABORT)
            })
        try check(
            CURLOPT_SEEKFUNCTION,
            fp_curl_easy_setopt_seek(raw, CURLOPT_SEEKFUNCTION) { own, offset, origin in
                guard origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
                EasyHandle.from(own).current?.seek(to: Int(offset))
                return CURL_SEEKFUNC_OK
            })
        try check(
            CURLOPT_OPENSOCKETFUNCTION,
            fp_curl_easy_setopt_opensocket(raw, CURLOPT_OPENSOCKETFUNCTION) { own, _, address in
                guard let address else { return CURL_SOCKET_BAD }
                return EasyHandle.from(own).socket(for: address)
            })
        try check(
            CURLOPT_RESOLVER_START_FUNCTION,
            fp_curl_easy_setopt_resolver_start(raw, CURLOPT_RESOLVER_START_FUNCTION) { _, _, own in
                EasyHandle.from(own).lookupBegins()
                return 0
            })
    }

    /// Whom to ask and tell; nil if nobody wants the request any more.
    private var current: (any EasyDelegate)? { isAbandoned ? nil : delegate }

    private func receive(headLine: UnsafeRawBufferPointer) -> Bool {
        switch head.append(headLine) {
        case .more:
            return !isAbandoned
        case .complete:
            return current?.receive(head: head) ?? false
        case .failed(let text):
            headProblem = text
            return false
        }
    }

    private func socket(for address: UnsafePointer<curl_sockaddr>) -> curl_socket_t {
        guard let peer = fp_curl_socket_address(address), current?.mayConnect(to: peer) == true else {
            return CURL_SOCKET_BAD
        }
        let type = address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue)
        return Glibc.socket(address.pointee.family, type, address.pointee.protocol)
    }

    private func lookupBegins() {
        hasLookedUp = true
        multi?.lookupBegins()
    }
}

// Options one by one. One that libcurl refuses stops the request: many of them are what makes it safe.
extension EasyHandle {
    func set(_ option: CURLoption, _ value: Int) throws(CurlFailure) {
        try check(option, fp_curl_easy_setopt_long(raw, option, value))
    }

    func setOffset(_ option: CURLoption, _ value: Int) throws(CurlFailure) {
        try check(option, fp_curl_easy_setopt_offset(raw, option, curl_off_t(value)))
    }

    func set(_ option: CURLoption, _ value: String?) throws(CurlFailure) {
        try check(option, fp_curl_easy_setopt_string(raw, option, value))
    }

    /// Sets an option whose bytes libcurl copies at once.
    func setCopied(_ option: CURLoption, _ value: [UInt8]) throws(CurlFailure) {
        let code = value.withUnsafeBytes { bytes in
            // An empty array has no address, and without one libcurl reads the body from a callback.
            withUnsafeBytes(of: 0) { empty in
                fp_curl_easy_setopt_string(
                    raw, option, (bytes.baseAddress ?? empty.baseAddress)?.assumingMemoryBound(to: CChar.self))
            }
        }
        try check(option, code)
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) throws(CurlFailure) {
        try check(option, fp_curl_easy_setopt_pointer(raw, option, value))
    }

    private func check(_ option: CURLoption, _ code: CURLcode) throws(CurlFailure) {
        guard code != CURLE_OK else { return }
        let failure = CurlFailure(code)
        throw CurlFailure(code, text: "libcurl refuses option \(option.rawValue): \(failure.text)")
    }
}
