import CCurl
import Glibc

/// One request under way on the driver's thread.
final class Transfer {
    let exchange: Exchange
    let easy: UnsafeMutableRawPointer

    private let request: Engine.Request
    private var head = ResponseHead()
    private var sent = 0
    /// libcurl does not copy them.
    private var fields: UnsafeMutablePointer<curl_slist>?
    /// Where libcurl writes what went wrong.
    private let problem = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init(_ request: Engine.Request, _ exchange: Exchange, _ easy: UnsafeMutableRawPointer) {
        self.request = request
        self.exchange = exchange
        self.easy = easy
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_slist_free_all(fields)
        problem.deallocate()
    }

    /// The transfer that an easy handle belongs to.
    static func of(_ easy: UnsafeMutableRawPointer) -> Transfer? {
        var context: UnsafeMutableRawPointer?
        guard fp_curl_easy_getinfo_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK else { return nil }
        return context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    func problemText(_ code: CURLcode) -> String {
        let text = String(cString: problem)
        return text.isEmpty ? String(cString: curl_easy_strerror(code)) : text
    }

    func prepare(_ settings: TransportSettings) throws(EasyOptions.Refused) {
        for header in request.headers {
            // A field without a value needs a semicolon, for libcurl takes one with a colon for a wish to leave it out.
            let line = header.value.isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
            append(line)
        }
        // S3 answers early if it does not want the body; to ask before costs a round trip each time.
        append("Expect:")
        let options = EasyOptions(easy)
        try options.setUp(settings, usesProxy: request.usesProxy, connecting: request.connectTimeout)
        try options.set(CURLOPT_URL, request.url)
        try options.set(CURLOPT_HTTPHEADER, fields)
        // With HTTP/2, libcurl would keep a whole flow-control window in memory while a reader pauses.
        let version = request.sink == .stream ? CURL_HTTP_VERSION_1_1 : CURL_HTTP_VERSION_2TLS
        try options.set(CURLOPT_HTTP_VERSION, Int(version))
        switch request.method {
        case "GET": try options.set(CURLOPT_HTTPGET, 1)
        case "HEAD": try options.set(CURLOPT_NOBODY, 1)
        case "DELETE": try options.set(CURLOPT_CUSTOMREQUEST, request.method)
        default:
            try options.set(CURLOPT_UPLOAD, 1)
            try options.set(CURLOPT_CUSTOMREQUEST, request.method)
            try options.setOffset(CURLOPT_INFILESIZE_LARGE, request.body.count)
        }
        try options.report(to: Unmanaged.passUnretained(self).toOpaque(), problem: problem)
    }

    private func append(_ line: String) { fields = curl_slist_append(fields, line) ?? fields }
}

// What the callbacks do.
extension Transfer {
    func receive(headLine: UnsafeRawBufferPointer) {
        if head.append(headLine) { exchange.receive(head: head) }
    }

    func receive(_ bytes: UnsafeRawBufferPointer) -> Exchange.Offer { exchange.receive(bytes) }

    /// Fills libcurl's buffer with what is to be sent next; nil if it cannot be read.
    func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count = request.body.copy(from: sent, to: buffer)
        guard count >= 0 else { return nil }
        sent += count
        return count
    }

    /// Goes back, because a connection that was kept turned out to be dead.
    func seek(to offset: Int) { sent = offset }
}
