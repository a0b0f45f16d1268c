import CCurl

/// A request and how it is to be made. What is not said here is the same for all: HTTP and HTTPS alone, from TLS 1.2 and
/// HTTP/1.0 on, no redirects followed, and nothing taken from the environment or a netrc file.
package struct EasyOptions: Sendable {
    /// The request's body.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// This many bytes, which ``EasyDelegate/send(into:)`` supplies.
        case streamed(Int)
    }

    package enum Version: Sendable {
        case http1
        /// HTTP/2 where TLS is spoken and the other side knows it. libcurl then keeps whole flow-control windows in
        /// memory while a transfer is paused.
        case http2
    }

    /// The URL, whose path is sent as it is.
    package var url: String
    package var method = "GET"
    package var body = Body.none
    /// Header fields as lines: "name: value", "name;" for one without a value, "name:" to leave out one of libcurl's.
    package var fields: [String] = []
    package var userAgent: String?
    package var version = Version.http2
    package var allowsUserInURL = true
    /// False for a new connection that is closed afterwards.
    package var reusesConnections = true
    /// How long a connection may have been idle and still be used.
    package var idleConnectionLife: Duration?
    /// The URL of a proxy.
    package var proxy: String?
    /// A Unix domain socket to connect to in place of the URL's host.
    package var unixSocketPath: String?
    /// A PEM file of the authorities to trust in place of the system's.
    package var certificateAuthorities: String?
    package var verifiesPeer = true
    /// For the whole request.
    package var timeout: Duration?
    /// For resolving the name, connecting and the TLS handshake.
    package var connectTimeout: Duration?
    /// A transfer that stays below this speed for this long, in whole seconds, fails. The time in which it is paused
    /// does not count.
    package var minimumSpeed: (bytesPerSecond: Int, over: Duration)?
    /// The most bytes of a response's body that are offered at once.
    package var receiveBuffer: Int?
    /// The most bytes of a request's body that are asked for at once.
    package var sendBuffer: Int?

    package init(url: String) { self.url = url }
}

extension EasyOptions {
    /// Sets them on a handle that has libcurl's default options.
    func apply(to easy: EasyHandle) throws(CurlFailure) {
        try easy.set(CURLOPT_URL, url)
        try easy.set(CURLOPT_PATH_AS_IS, 1)
        try easy.set(CURLOPT_DISALLOW_USERNAME_IN_URL, allowsUserInURL ? 0 : 1)
        try applyMethod(to: easy)
        if let userAgent { try easy.set(CURLOPT_USERAGENT, userAgent) }
        try easy.set(CURLOPT_HTTP_VERSION, Int(version == .http1 ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS))

        try easy.set(CURLOPT_PROTOCOLS_STR, "http,https")
        try easy.set(CURLOPT_HTTP09_ALLOWED, 0)
        try easy.set(CURLOPT_FOLLOWLOCATION, 0)
        try easy.set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
        // Unlike no proxy, an empty one keeps libcurl from looking for one in the environment.
        try easy.set(CURLOPT_PROXY, proxy ?? "")
        if proxy == nil { try easy.set(CURLOPT_NOPROXY, "*") }
        try easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if let unixSocketPath { try easy.set(CURLOPT_UNIX_SOCKET_PATH, unixSocketPath) }

        try easy.set(CURLOPT_SSL_VERIFYPEER, verifiesPeer ? 1 : 0)
        try easy.set(CURLOPT_SSL_VERIFYHOST, verifiesPeer ? 2 : 0)
        try easy.set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        if let certificateAuthorities {
            try easy.set(CURLOPT_CAINFO, certificateAuthorities)
            // With one file and no directory, libcurl parses the certificates once and not per connection.
            try easy.set(CURLOPT_CAPATH, String?.none)
        }

        try easy.set(CURLOPT_FRESH_CONNECT, reusesConnections ? 0 : 1)
        try easy.set(CURLOPT_FORBID_REUSE, reusesConnections ? 0 : 1)
        if let idleConnectionLife { try easy.set(CURLOPT_MAXAGE_CONN, Int(idleConnectionLife.components.seconds)) }
        if let timeout { try easy.set(CURLOPT_TIMEOUT_MS, max(1, timeout.milliseconds)) }
        if let connectTimeout { try easy.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, connectTimeout.milliseconds)) }
        if let minimumSpeed {
            try easy.set(CURLOPT_LOW_SPEED_LIMIT, minimumSpeed.bytesPerSecond)
            try easy.set(CURLOPT_LOW_SPEED_TIME, max(1, Int(minimumSpeed.over.components.seconds)))
        }
        if let receiveBuffer { try easy.set(CURLOPT_BUFFERSIZE, receiveBuffer) }
        if let sendBuffer { try easy.set(CURLOPT_UPLOAD_BUFFERSIZE, sendBuffer) }
        // libcurl must not change the signal handlers of the process.
        try easy.set(CURLOPT_NOSIGNAL, 1)
        // Without it, removing a request would block this thread, and so all requests, until its name lookup ends.
        try easy.set(CURLOPT_QUICK_EXIT, 1)
    }

    private func applyMethod(to easy: EasyHandle) throws(CurlFailure) {
        switch body {
        case .none where method == "GET":
            try easy.set(CURLOPT_HTTPGET, 1)
            return
        case .none where method == "HEAD":
            try easy.set(CURLOPT_NOBODY, 1)
            return
        case .none:
            break
        case .bytes(let bytes):
            try easy.set(CURLOPT_POSTFIELDSIZE, bytes.count)
            try easy.setCopied(CURLOPT_COPYPOSTFIELDS, bytes)
        case .streamed(let count):
            try easy.set(CURLOPT_UPLOAD, 1)
            try easy.setOffset(CURLOPT_INFILESIZE_LARGE, count)
        }
        try easy.set(CURLOPT_CUSTOMREQUEST, method)
    }
}

extension Duration {
    /// Rounded up.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(clamping: seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
