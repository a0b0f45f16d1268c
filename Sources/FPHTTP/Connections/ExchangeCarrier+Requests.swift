import HTTPTypes
import NIOCore

// From heads to requests, and what becomes of those whose client is gone.
extension ExchangeCarrier {
    /// Serves a request whose head is in: answers it, or has a task of the handler do so.
    func begin(_ head: RequestHead) {
        guard let handle else {
            return
        }
        lastSerial += 1
        let source = ExchangeHandle(carrier: handle, serial: lastSerial)
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

    /// No more of the current request can be understood, or will come.
    func cutShort(_ exchange: Exchange, _ error: BodyError) {
        guard !exchange.arrival.isWhole else {
            return
        }
        exchange.closeAfterwards()
        exchange.body.fail(error)
        if exchange.response.isSent {
            complete(exchange)
        }
    }

    /// Lets go of an exchange whose client is gone.
    func abandon(_ exchange: Exchange) {
        let learnsFromBody = exchange.body.isBeingRead
        if !exchange.arrival.isWhole {
            exchange.body.fail(.truncated(received: exchange.record.bytesIn, expected: exchange.contentLength))
        }
        if !learnsFromBody {
            exchange.task?.cancel()
        }
        let (writer, loss) = exchange.response.connectionLost()
        writer?.resume(throwing: ClientGone())
        switch loss {
        case .none:
            break
        case .clientGone:
            exchange.record.status = AccessRecord.clientGone
            exchange.record.log(to: server.logger)
        case .aborted:
            exchange.record.log(to: server.logger, isAborted: true)
        }
    }
}
