import CCurl
import Glibc

/// How requests are made, whatever they ask for.
struct TransportSettings: Sendable {
    var certificateAuthorities: String?
    var verifiesPeer = true
    var proxy: String?
    var connectTimeout = Duration.seconds(5)
    var readTimeout = Duration.seconds(60)
    var maxConnections = 32
    var userAgent = "fphost-S3Store"
}

/// The options of an easy handle.
struct EasyOptions {
    struct Refused: Error {
        let option: CURLoption
        let code: CURLcode
    }

    private let easy: UnsafeMutableRawPointer

    init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

    /// What is the same for every request.
    func setUp(_ settings: TransportSettings, usesProxy: Bool, connecting: Duration?) throws(Refused) {
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_USERAGENT, settings.userAgent)
        try set(CURLOPT_HTTP09_ALLOWED, 0)
        try set(CURLOPT_FOLLOWLOCATION, 0)
        try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // What is sent must be what was signed.
        try set(CURLOPT_PATH_AS_IS, 1)
        // An empty proxy is one that the environment cannot set.
        try set(CURLOPT_PROXY, usesProxy ? settings.proxy ?? "" : "")
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        try set(CURLOPT_SSL_VERIFYPEER, settings.verifiesPeer ? 1 : 0)
        try set(CURLOPT_SSL_VERIFYHOST, settings.verifiesPeer ? 2 : 0)
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let file = settings.certificateAuthorities {
            try set(CURLOPT_CAINFO, file)
            try set(CURLOPT_CAPATH, String?.none)
        }
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, (connecting ?? settings.connectTimeout).wholeMilliseconds))
        // A transfer that stands still for this long has failed; one that its reader pauses does not stand still.
        try set(CURLOPT_LOW_SPEED_LIMIT, 1)
        try set(CURLOPT_LOW_SPEED_TIME, max(1, Int(settings.readTimeout.components.seconds)))
        // Signals belong to the process.
        try set(CURLOPT_NOSIGNAL, 1)
        // Without it, letting go of a transfer waits, for all transfers, for a name server.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_BUFFERSIZE, 256 << 10)
        try set(CURLOPT_UPLOAD_BUFFERSIZE, 512 << 10)
        try set(CURLOPT_MAXAGE_CONN, 50)
        try check(
            CURLOPT_SOCKOPTFUNCTION,
            fp_curl_easy_setopt_sockopt(easy, CURLOPT_SOCKOPTFUNCTION) { _, socket, _ in
                _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
                return CURL_SOCKOPT_OK
            })
    }

    /// What tells the transfer what happens.
    func report(to transfer: UnsafeMutableRawPointer, problem: UnsafeMutablePointer<CChar>) throws(Refused) {
        try set(CURLOPT_PRIVATE, transfer)
        try set(CURLOPT_ERRORBUFFER, problem)
        try set(CURLOPT_HEADERDATA, transfer)
        try set(CURLOPT_WRITEDATA, transfer)
        try set(CURLOPT_READDATA, transfer)
        try set(CURLOPT_SEEKDATA, transfer)
        try check(
            CURLOPT_HEADERFUNCTION,
            fp_curl_easy_setopt_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, transfer in
                Transfer.from(transfer).receive(headLine: UnsafeRawBufferPointer(start: bytes, count: size * count))
                return size * count
            })
        try check(
            CURLOPT_WRITEFUNCTION,
            fp_curl_easy_setopt_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, transfer in
                let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return switch Transfer.from(transfer).receive(body) {
                case .taken: body.count
                case .full: Int(CURL_WRITEFUNC_PAUSE)
                case .unwanted: Int(CURL_WRITEFUNC_ERROR)
                }
            })
        try check(
            CURLOPT_READFUNCTION,
            fp_curl_easy_setopt_read(easy, CURLOPT_READFUNCTION) { buffer, size, count, transfer in
                let room = UnsafeMutableRawBufferPointer(start: buffer, count: size * count)
                return Transfer.from(transfer).send(into: room) ?? Int(CURL_READFUNC_ABORT)
            })
        try check(
            CURLOPT_SEEKFUNCTION,
            fp_curl_easy_setopt_seek(easy, CURLOPT_SEEKFUNCTION) { transfer, offset, origin in
                guard origin == SEEK_SET else { return CURL_SEEKFUNC_CANTSEEK }
                Transfer.from(transfer).seek(to: Int(offset))
                return CURL_SEEKFUNC_OK
            })
    }

    func set(_ option: CURLoption, _ value: Int) throws(Refused) {
        try check(option, fp_curl_easy_setopt_long(easy, option, value))
    }

    func setOffset(_ option: CURLoption, _ value: Int) throws(Refused) {
        try check(option, fp_curl_easy_setopt_offset(easy, option, curl_off_t(value)))
    }

    func set(_ option: CURLoption, _ value: String?) throws(Refused) {
        try check(option, fp_curl_easy_setopt_string(easy, option, value))
    }

    func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) throws(Refused) {
        try check(option, fp_curl_easy_setopt_slist(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer) throws(Refused) {
        try check(option, fp_curl_easy_setopt_pointer(easy, option, value))
    }

    private func check(_ option: CURLoption, _ code: CURLcode) throws(Refused) {
        guard code == CURLE_OK else { throw Refused(option: option, code: code) }
    }
}

extension Transfer {
    /// The transfer that a callback is about: libcurl was given it, and calls back only while it is under way.
    fileprivate static func from(_ context: UnsafeMutableRawPointer?) -> Transfer {
        guard let context else { preconditionFailure("libcurl calls back without the data it was given") }
        return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }
}

extension Duration {
    /// Rounded down.
    var wholeMilliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    }
}
