import FPCurl

/// One request under way on the driver's thread.
final class Transfer: DrivenTransfer {
    private let exchange: Exchange
    private let request: Engine.Request
    private let settings: TransportSettings
    private var sent = 0

    init(_ request: Engine.Request, _ exchange: Exchange, _ settings: TransportSettings) {
        self.request = request
        self.exchange = exchange
        self.settings = settings
    }

    func begin() -> EasyOptions? {
        var options = EasyOptions(url: request.url)
        options.method = request.method
        if !["GET", "HEAD", "DELETE"].contains(request.method) { options.body = .streamed(request.body.count) }
        // S3 answers early if it does not want the body; to ask before costs a round trip each time.
        options.fields = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
        options.fields.append("Expect:")
        options.userAgent = settings.userAgent
        options.version = request.sink == .stream ? .http1 : .http2
        options.idleConnectionLife = .seconds(50)
        options.proxy = request.usesProxy ? settings.proxy : nil
        options.certificateAuthorities = settings.certificateAuthorities
        options.verifiesPeer = settings.verifiesPeer
        options.connectTimeout = request.connectTimeout ?? settings.connectTimeout
        // A transfer that stands still for this long has failed; one that its reader pauses does not stand still.
        options.minimumSpeed = (1, over: settings.readTimeout)
        options.receiveBuffer = 256 << 10
        options.sendBuffer = 512 << 10
        return options
    }

    func end(_ failure: CurlFailure?) -> EasyOptions? {
        exchange.finish(failure)
        return nil
    }

    func receive(head: ResponseHead) -> Bool {
        exchange.receive(head: head)
        return true
    }

    func receive(body: UnsafeRawBufferPointer) -> Intake { exchange.receive(body) }

    func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        let count = request.body.copy(from: sent, to: buffer)
        guard count >= 0 else { return nil }
        sent += count
        return count
    }

    func seek(to offset: Int) { sent = offset }
}
