import HTTPTypes
import NIOCore
import NIOHTTP1

// From parsed parts to requests.
extension Connection {
    /// Takes the next part of the current request, or the head of the next one.
    func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head):
            begin(head)
        case .body(let buffer):
            takeBody(buffer)
        case .end:
            endBody()
        }
    }

    /// Serves what came behind the request that is now done.
    func serveQueue() {
        guard !isServingQueue else {
            return
        }
        isServingQueue = true
        while isOpen, exchange?.arrival.isWhole != true, let part = queue.popFirst() {
            take(part)
        }
        isServingQueue = false
        if isOpen, exchange == nil, let parseFailure {
            refuse(parseFailure)
        }
        settleEndedInput()
        updateReading()
    }

    /// What the client sends is not HTTP, or takes too long to become it.
    func fail(parsing failure: ParseFailure) {
        guard isOpen, parseFailure == nil else {
            return
        }
        parseFailure = failure
        if let exchange {
            cutShort(exchange, .malformed)
        } else {
            refuse(failure)
        }
    }

    /// Answers what cannot be parsed, and closes.
    private func refuse(_ failure: ParseFailure) {
        lastSerial += 1
        let record = AccessRecord(
            id: RequestID.make(),
            client: peer.name,
            method: "-",
            path: "-",
            started: .now()
        )
        let exchange = Exchange(
            serial: lastSerial,
            version: .http1_1,
            body: RequestBody(),
            contentLength: nil,
            keepsAlive: false,
            expectsContinue: false,
            record: record
        )
        self.exchange = exchange
        let refusal = server.handler.refusal(failure.status, failure.sentence, target: nil, requestID: record.id)
        answer(exchange, refusal, to: .get, [:])
    }

    private func begin(_ parsed: HTTPRequestHead) {
        guard let handle else {
            return
        }
        let head = RequestHead(parsed)
        lastSerial += 1
        let source = ExchangeHandle(connection: handle, serial: lastSerial)
        let check = RequestCheck(head, limits: server.configuration.limits)
        let configuration = server.configuration
        let way = Forwarding(
            of: peer, head.fields, trusting: configuration.trustedProxies, by: configuration.forwardingFields)
        let record = AccessRecord(
            id: id(head.fields),
            client: way.client,
            method: head.method.rawValue,
            path: server.logger.logLevel <= .info ? AccessRecord.path(of: head.target) : "",
            started: .now()
        )
        let body =
            check.contentLength == 0
            ? RequestBody()
            : RequestBody(
                expected: check.contentLength,
                limits: server.bodyLimits,
                budget: server.budget,
                source: source
            )
        let exchange = Exchange(
            serial: lastSerial,
            version: head.version,
            body: body,
            contentLength: check.contentLength,
            keepsAlive: check.keepsAlive && !server.isDraining,
            expectsContinue: check.expectsContinue,
            record: record
        )
        self.exchange = exchange
        self.head = .idle(since: record.started)
        if check.contentLength != 0 {
            bodyClock.start(at: record.started)
            updateWindow(exchange)
            armTimer()
        }
        switch check.outcome {
        case .refused(let status, let sentence):
            let refusal = server.handler.refusal(status, sentence, target: head.target, requestID: record.id)
            answer(exchange, refusal, to: head.method, head.fields)
        case .accepted(let target):
            if let preflight = server.configuration.cors?.preflight(head.method, head.fields) {
                answer(exchange, preflight, to: head.method, head.fields)
                return
            }
            let request = Request(
                method: head.method,
                target: head.target,
                authority: way.host ?? head.fields[values: .hostField].first,
                scheme: way.scheme ?? (isEncrypted ? "https" : "http"),
                path: target.path,
                query: target.query,
                headers: head.fields,
                remoteAddress: peer.socketAddress,
                clientAddress: way.client,
                id: record.id,
                contentLength: check.contentLength,
                body: body,
                informer: source
            )
            let responder = Responder(server: server, exchange: source, request: request, version: head.version)
            server.tasks.enter()
            // Detached, because it may begin while another request of the connection is at work here.
            exchange.task = Task.detached(executorPreference: executor) { await responder.run() }
        }
    }

    private func id(_ headers: HTTPFields) -> String {
        if peer.isTrusted, let id = headers[values: .xRequestID].first, RequestID.isSane(id) {
            return id
        }
        return RequestID.make()
    }
}
