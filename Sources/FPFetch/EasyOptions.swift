import CCurl
import Glibc

/// The options of an easy handle. One that libcurl refuses stops the fetch: most of them are what makes it safe.
struct EasyOptions {
    struct Refused: Error {
        let option: CURLoption
        let code: CURLcode
    }

    private let easy: UnsafeMutableRawPointer

    init(_ easy: UnsafeMutableRawPointer) {
        self.easy = easy
    }

    /// What is the same for every request.
    func setUp(_ settings: FetchSettings, fields: UnsafeMutablePointer<curl_slist>?) throws(Refused) {
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_HTTPGET, 1)
        try set(CURLOPT_USERAGENT, settings.userAgent)
        try set(CURLOPT_HTTPHEADER, fields)
        try set(CURLOPT_HTTP09_ALLOWED, 0)
        // With HTTP/2, libcurl keeps whole flow-control windows in memory while a transfer is paused.
        try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        // Redirects are followed by hand, each through the guard.
        try set(CURLOPT_FOLLOWLOCATION, 0)
        // Every connection is a new one, so that every one passes the guard; servers vary too much to gain by reuse.
        try set(CURLOPT_FRESH_CONNECT, 1)
        try set(CURLOPT_FORBID_REUSE, 1)
        // An empty proxy is one that the environment cannot set.
        try set(CURLOPT_PROXY, "")
        try set(CURLOPT_NOPROXY, "*")
        try set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // The URL was brought into its final form before; no second opinion.
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let file = settings.certificateAuthorities {
            try set(CURLOPT_CAINFO, file)
            // With one file and no directory, libcurl parses the certificates once and not per connection.
            try set(CURLOPT_CAPATH, String?.none)
        }
        try set(CURLOPT_LOW_SPEED_LIMIT, settings.limits.minimumSpeed)
        try set(CURLOPT_LOW_SPEED_TIME, max(1, Int(settings.limits.minimumSpeedOver.components.seconds)))
        // Signals belong to the process.
        try set(CURLOPT_NOSIGNAL, 1)
        // Without it, letting go of a transfer waits on this thread, for all transfers, for a name server.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_BUFFERSIZE, 64 * 1024)
    }

    /// What tells the transfer what happens.
    func report(to transfer: UnsafeMutableRawPointer, problem: UnsafeMutablePointer<CChar>) throws(Refused) {
        try set(CURLOPT_PRIVATE, transfer)
        try set(CURLOPT_ERRORBUFFER, problem)
        try set(CURLOPT_HEADERDATA, transfer)
        try set(CURLOPT_WRITEDATA, transfer)
        try set(CURLOPT_OPENSOCKETDATA, transfer)
        try check(
            CURLOPT_HEADERFUNCTION,
            fp_curl_easy_setopt_write(easy, CURLOPT_HEADERFUNCTION) { bytes, size, count, transfer in
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return Transfer.from(transfer).receive(headLine: line) ? line.count : Int(CURL_WRITEFUNC_ERROR)
            }
        )
        try check(
            CURLOPT_WRITEFUNCTION,
            fp_curl_easy_setopt_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, transfer in
                let body = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return switch Transfer.from(transfer).receive(body: body) {
                case .taken: body.count
                case .full: Int(CURL_WRITEFUNC_PAUSE)
                case .unwanted: Int(CURL_WRITEFUNC_ERROR)
                }
            }
        )
        try check(
            CURLOPT_OPENSOCKETFUNCTION,
            fp_curl_easy_setopt_opensocket(easy, CURLOPT_OPENSOCKETFUNCTION) { transfer, _, address in
                guard let address else { return CURL_SOCKET_BAD }
                return Transfer.from(transfer).socket(for: address) ?? CURL_SOCKET_BAD
            }
        )
    }

    /// What is different for every hop.
    func aim(at url: RemoteURL, within remaining: Duration, connecting: Duration) throws(Refused) {
        try set(CURLOPT_URL, url.description)
        try set(CURLOPT_TIMEOUT_MS, max(1, remaining.milliseconds))
        try set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(remaining, connecting).milliseconds))
    }

    private func set(_ option: CURLoption, _ value: Int) throws(Refused) {
        try check(option, fp_curl_easy_setopt_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: String?) throws(Refused) {
        try check(option, fp_curl_easy_setopt_string(easy, option, value))
    }

    private func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) throws(Refused) {
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
    /// Rounded up.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
