import FPCurl
import FPFormats
import Glibc

/// One fetch on the driver's thread: one GET request per hop.
final class Transfer: DrivenTransfer {
    private let exchange: Exchange
    private let settings: FetchSettings
    private let deadline: ContinuousClock.Instant
    private let asked: RemoteURL
    private var url: RemoteURL
    private var redirects = 0
    private var verdict: Verdict?
    private var decoder: ContentDecoder?
    /// Bytes of the body as it is sent.
    private var arrived: UInt64 = 0
    /// Bytes of the file.
    private var received: UInt64 = 0
    private var refusal: String?

    /// - Parameter deadline: when the whole fetch must be over.
    init(_ exchange: Exchange, _ url: RemoteURL, deadline: ContinuousClock.Instant, _ settings: FetchSettings) {
        self.exchange = exchange
        self.deadline = deadline
        self.settings = settings
        asked = url
        self.url = url
    }

    func begin() -> EasyOptions? {
        do throws(FetchError) {
            return try nextHop()
        } catch {
            exchange.finish(error)
            return nil
        }
    }

    func end(_ failure: CurlFailure?) -> EasyOptions? {
        do throws(FetchError) {
            if try conclude(failure) { return try nextHop() }
            exchange.finish()
        } catch {
            exchange.finish(error)
        }
        return nil
    }

    /// The request to `url`.
    private func nextHop() throws(FetchError) -> EasyOptions {
        let remaining = ContinuousClock.now.duration(to: deadline)
        guard remaining > .zero else { throw self.error(.timedOut, "no time is left") }
        verdict = nil
        refusal = nil
        // The URL was brought into its final form before.
        var options = EasyOptions(url: url.description)
        options.allowsUserInURL = false
        options.fields = ["Accept-Encoding: identity"]
        options.userAgent = settings.userAgent
        options.version = .http1
        // Every connection is a new one, so that every one passes the guard; servers vary too much to gain by reuse.
        options.reusesConnections = false
        options.certificateAuthorities = settings.certificateAuthorities
        options.timeout = remaining
        options.connectTimeout = min(remaining, settings.limits.connectTimeout)
        options.minimumSpeed = (settings.limits.minimumSpeed, over: settings.limits.minimumSpeedOver)
        options.receiveBuffer = 64 * 1024
        return options
    }
}

// What the driver asks and tells during a hop.
extension Transfer {
    func receive(head: ResponseHead) -> Bool {
        let verdict = Verdict(head, from: url, asked: asked, maxSize: settings.limits.maxSize)
        self.verdict = verdict
        guard case .accept(_, let coding) = verdict else { return false }
        decoder = coding.map { ContentDecoder($0) }
        return true
    }

    func receive(body: UnsafeRawBufferPointer) -> Intake {
        guard case .accept = verdict else { return .unwanted }
        // Without an end of its own, a coded body can be long and unfold to nothing.
        guard arrived + UInt64(body.count) <= settings.limits.maxSize else { return refuseAsTooLarge() }
        do throws(Damage) {
            let intake = if let decoder { try decoder.decode(body, offer) } else { offer(body) }
            if intake == .taken { arrived += UInt64(body.count) }
            return intake
        } catch {
            verdict = .refuse(FetchError(.damaged, detail: "the compressed body is damaged: \(error.problem)"))
            return .unwanted
        }
    }

    private func offer(_ file: UnsafeRawBufferPointer) -> Intake {
        guard received + UInt64(file.count) <= settings.limits.maxSize else { return refuseAsTooLarge() }
        let intake = exchange.offer(file)
        guard intake == .taken else { return intake }
        if received == 0 { deliverHead() }
        received += UInt64(file.count)
        return .taken
    }

    /// Not before there is some of the file, or it is known to be empty: what goes wrong until then is still told as
    /// what it is, and afterwards a client can only see that the file breaks off.
    private func deliverHead() {
        if case .accept(let head, _) = verdict { exchange.deliver(head) }
    }

    private func refuseAsTooLarge() -> Intake {
        verdict = .refuse(FetchError(.tooLarge, detail: "it has more than \(settings.limits.maxSize) bytes"))
        return .unwanted
    }

    func mayConnect(to address: UnsafePointer<sockaddr>) -> Bool {
        guard let address = IPAddress(address) else { return false }
        guard let refusal = settings.addressGuard.refusal(of: address, for: url) else { return true }
        self.refusal = refusal
        return false
    }
}

// What the end of a hop means.
extension Transfer {
    /// - Returns: false if it is the end of the file, true if another hop follows.
    private func conclude(_ failure: CurlFailure?) throws(FetchError) -> Bool {
        switch failure?.reason {
        case .stopped: throw FetchError(.shutDown, detail: "the fetcher was shut down")
        case .noPlace: throw FetchError(.busy, detail: failure?.text ?? "")
        case .badHead: throw error(.badResponse, failure?.text ?? "")
        default: break
        }
        switch verdict {
        case .refuse(let refusal):
            throw error(refusal.reason, refusal.detail)
        case .follow(let target):
            guard redirects < settings.limits.maxRedirects else {
                throw error(.badRedirect, "it is redirect number \(redirects + 1)")
            }
            redirects += 1
            url = target
            if let refusal = settings.addressGuard.refusal(of: target) { throw error(.notAllowed, refusal) }
            return true
        case .accept(let head, _):
            guard failure == nil, received == head.contentLength ?? received, decoder?.isComplete != false else {
                let reason = failure?.reason == .timedOut ? FetchError.Reason.timedOut : .incomplete
                throw error(reason, "\(received) bytes arrived: \(failure?.text ?? "no error")")
            }
            if received == 0 { deliverHead() }
            settings.logger.debug("fetched \(url.withoutQuery): \(received) bytes")
            return false
        case nil:
            throw error(reason(failure), refusal ?? failure?.text ?? "there is no answer")
        }
    }

    /// Why there is no answer.
    private func reason(_ failure: CurlFailure?) -> FetchError.Reason {
        switch failure?.reason {
        case .timedOut: .timedOut
        case .notConnected where refusal != nil: .notAllowed
        // HTTP/0.9, which is to say anything at all, and a head with lines beyond libcurl's own limit.
        case .unsupportedProtocol, .weirdReply, .outOfMemory: .badResponse
        default: .unreachable
        }
    }

    private func error(_ reason: FetchError.Reason, _ detail: String) -> FetchError {
        let origin = redirects == 0 ? "" : ", by \(redirects) redirects from \(asked.withoutQuery)"
        return FetchError(reason, detail: "\(url.withoutQuery)\(origin): \(detail)")
    }
}
