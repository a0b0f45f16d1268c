import CCurl
import Glibc

/// One fetch on the driver's thread: an easy handle that makes one GET request per hop.
final class Transfer {
    let exchange: Exchange
    let easy: UnsafeMutableRawPointer

    /// Nobody wants it any more, but a name lookup of it is still under way.
    var isAbandoned = false

    private let settings: FetchSettings
    private let deadline: ContinuousClock.Instant
    private let asked: RemoteURL
    private var url: RemoteURL
    private var redirects = 0
    private var head = ResponseHead()
    private var verdict: Verdict?
    private var received: UInt64 = 0
    private var refusal: String?
    /// The request's own fields; libcurl does not copy them.
    private let fields = curl_slist_append(nil, "Accept-Encoding: identity")
    /// Where libcurl writes what went wrong.
    private let problem = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    /// What follows the end of a hop.
    enum Step {
        case done
        case next
    }

    init(_ request: Mailbox.Request, settings: FetchSettings) throws(FetchError) {
        guard let easy = curl_easy_init() else {
            curl_slist_free_all(fields)
            problem.deallocate()
            throw FetchError(.unreachable, detail: "libcurl is out of memory")
        }
        self.easy = easy
        exchange = request.exchange
        deadline = request.deadline
        asked = request.url
        url = request.url
        self.settings = settings
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(fields)
        problem.deallocate()
    }

    /// The transfer that an easy handle belongs to.
    static func of(_ easy: UnsafeMutableRawPointer) -> Transfer? {
        var context: UnsafeMutableRawPointer?
        guard fp_curl_easy_getinfo_pointer(easy, CURLINFO_PRIVATE, &context) == CURLE_OK else { return nil }
        return context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    var isResolving: Bool {
        var elapsed: curl_off_t = 0
        fp_curl_easy_getinfo_offset(easy, CURLINFO_NAMELOOKUP_TIME_T, &elapsed)
        return elapsed == 0
    }

    /// Readies the handle for the hop to `url`.
    func prepare() throws(FetchError) {
        let remaining = ContinuousClock.now.duration(to: deadline)
        guard remaining > .zero else { throw failure(.timedOut, "no time is left") }
        head = ResponseHead()
        verdict = nil
        refusal = nil
        problem.pointee = 0
        do throws(EasyOptions.Refused) {
            let options = EasyOptions(easy)
            try options.setUp(settings, fields: fields)
            try options.report(to: Unmanaged.passUnretained(self).toOpaque(), problem: problem)
            try options.aim(at: url, within: remaining, connecting: settings.limits.connectTimeout)
        } catch {
            throw failure(.unreachable, "libcurl refuses option \(error.option.rawValue): \(error.code.rawValue)")
        }
    }

    /// Goes on after the consumer made room; anything but `CURLE_OK` is the end of it.
    func proceed() -> CURLcode {
        curl_easy_pause(easy, CURLPAUSE_CONT)
    }
}

// What the callbacks do.
extension Transfer {
    /// Takes a line of the response's head; false to end the hop.
    func receive(headLine: UnsafeRawBufferPointer) -> Bool {
        switch head.append(headLine) {
        case .more:
            return true
        case .failed(let error):
            verdict = .refuse(error)
            return false
        case .complete:
            let verdict = Verdict(head, from: url, asked: asked, maxSize: settings.limits.maxSize)
            self.verdict = verdict
            guard case .accept(let head) = verdict else { return false }
            exchange.deliver(head)
            return true
        }
    }

    /// Takes a piece of the body.
    func receive(body: UnsafeRawBufferPointer) -> Exchange.Offer {
        guard case .accept = verdict else { return .unwanted }
        guard received + UInt64(body.count) <= settings.limits.maxSize else {
            verdict = .refuse(FetchError(.tooLarge, detail: "more than \(settings.limits.maxSize) bytes arrived"))
            return .unwanted
        }
        let offer = exchange.offer(body)
        if offer == .taken { received += UInt64(body.count) }
        return offer
    }

    /// Makes the socket for a connection; nil if the address may not be talked to.
    func socket(for address: UnsafePointer<curl_sockaddr>) -> CInt? {
        guard !isAbandoned, let peer = fp_curl_socket_address(address), let ip = IPAddress(peer) else { return nil }
        if let refusal = settings.addressGuard.refusal(of: ip, for: url) {
            self.refusal = refusal
            return nil
        }
        let socket = Glibc.socket(
            address.pointee.family,
            address.pointee.socktype | CInt(SOCK_CLOEXEC.rawValue),
            address.pointee.protocol
        )
        return socket >= 0 ? socket : nil
    }
}

// What the end of a hop means.
extension Transfer {
    func conclude(_ result: CURLcode) throws(FetchError) -> Step {
        switch verdict {
        case .refuse(let error):
            throw failure(error.reason, error.detail)
        case .follow(let target):
            guard redirects < settings.limits.maxRedirects else {
                throw failure(.badRedirect, "it is redirect number \(redirects + 1)")
            }
            redirects += 1
            url = target
            if let refusal = settings.addressGuard.refusal(of: target) { throw failure(.notAllowed, refusal) }
            return .next
        case .accept(let head):
            guard result == CURLE_OK, received == head.contentLength ?? received else {
                let reason = result == CURLE_OPERATION_TIMEDOUT ? FetchError.Reason.timedOut : .incomplete
                throw failure(reason, "\(received) bytes arrived: \(text(result))")
            }
            settings.logger.debug("fetched \(url.withoutQuery): \(received) bytes")
            return .done
        case nil:
            throw failure(reason(result), refusal ?? text(result))
        }
    }

    /// Why there is no answer.
    private func reason(_ result: CURLcode) -> FetchError.Reason {
        switch result {
        case CURLE_OPERATION_TIMEDOUT: .timedOut
        case CURLE_COULDNT_CONNECT where refusal != nil: .notAllowed
        // HTTP/0.9, which is to say anything at all, and a head with lines beyond libcurl's own limit.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_OUT_OF_MEMORY: .badResponse
        default: .unreachable
        }
    }

    private func text(_ result: CURLcode) -> String {
        let text = String(cString: problem)
        return text.isEmpty ? String(cString: curl_easy_strerror(result)) : text
    }

    private func failure(_ reason: FetchError.Reason, _ detail: String) -> FetchError {
        let origin = redirects == 0 ? "" : ", by \(redirects) redirects from \(asked.withoutQuery)"
        return FetchError(reason, detail: "\(url.withoutQuery)\(origin): \(detail)")
    }
}
