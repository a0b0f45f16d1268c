import CCurl

/// Why a request could not be made, or did not come to its end.
package struct CurlFailure: Error, Sendable {
    /// What callers tell apart.
    package enum Reason: Sendable {
        /// The request needs more memory than there is, or than libcurl allows for a line of a head.
        case outOfMemory
        /// The system has no memory or descriptors to give to libcurl itself.
        case exhausted
        /// The system has no thread to give.
        case noThread
        case badURL
        /// The URL's scheme is not known, or the reply is not HTTP/1.0 or later.
        case unsupportedProtocol
        case hostNotFound
        case proxyNotFound
        case notConnected
        /// The certificate of the other side is not one to trust.
        case untrustedPeer
        case unreadableAuthorities
        case weirdReply
        /// ``ResponseHead`` refused a line.
        case badHead
        case timedOut
        /// Nobody wants it any more.
        case aborted
        /// All places of the ``Driver`` are taken.
        case noPlace
        /// The ``Driver`` was stopped.
        case stopped
        case other
    }

    /// What callers tell apart.
    package let reason: Reason
    /// libcurl's own number for it, a `CURLcode`.
    package let code: Int32
    /// What happened, for people; may name hosts and addresses.
    package let text: String

    /// A failure that libcurl reports.
    /// - Parameter text: what it says in particular; nil for its general words.
    init(_ code: CURLcode, text: String? = nil) {
        self.init(Self.reason(of: code), code: code, text: text ?? Self.meaning(of: code))
    }

    init(_ reason: Reason, code: CURLcode = CURLE_ABORTED_BY_CALLBACK, text: String) {
        self.reason = reason
        self.code = Int32(clamping: code.rawValue)
        self.text = text
    }

    /// A failure of a multi handle.
    init(_ code: CURLMcode) {
        self.init(.exhausted, code: CURLE_OUT_OF_MEMORY, text: String(cString: curl_multi_strerror(code)))
    }

    static var exhausted: CurlFailure { CurlFailure(CURLM_OUT_OF_MEMORY) }

    /// The end of what was still under way when its ``Driver`` was stopped, or came after that.
    package static var stopped: CurlFailure { CurlFailure(.stopped, text: meaning(of: CURLE_ABORTED_BY_CALLBACK)) }

    static var aborted: CurlFailure { CurlFailure(.aborted, text: meaning(of: CURLE_ABORTED_BY_CALLBACK)) }

    /// libcurl's general words for ``code``, without names and addresses.
    package var meaning: String { Self.meaning(of: CURLcode(UInt32(code))) }

    private static func meaning(of code: CURLcode) -> String { String(cString: curl_easy_strerror(code)) }

    private static func reason(of code: CURLcode) -> Reason {
        switch code {
        case CURLE_OUT_OF_MEMORY: .outOfMemory
        case CURLE_URL_MALFORMAT: .badURL
        case CURLE_UNSUPPORTED_PROTOCOL: .unsupportedProtocol
        case CURLE_COULDNT_RESOLVE_HOST: .hostNotFound
        case CURLE_COULDNT_RESOLVE_PROXY: .proxyNotFound
        case CURLE_COULDNT_CONNECT: .notConnected
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_PINNEDPUBKEYNOTMATCH: .untrustedPeer
        case CURLE_SSL_CACERT_BADFILE: .unreadableAuthorities
        case CURLE_WEIRD_SERVER_REPLY: .weirdReply
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        default: .other
        }
    }
}
