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
        while phase == .open, exchange?.isInputWhole != true, let part = queue.popFirst() {
            take(part)
        }
        isServingQueue = false
        if phase == .open, exchange == nil, let parseFailure {
            refuse(parseFailure)
        }
        settleEndedInput()
        updateReading()
    }

    /// The client has closed its side: it sends no more, and may still wait for the answers to what it sent whole.
    func endInput() {
        guard phase == .open, inputEnded == nil else {
            if phase == .lingering {
                context?.close(promise: nil)
            }
            return
        }
        inputEnded = .now()
        settleEndedInput()
        armTimer()
    }

    /// Ends what waits for bytes that will not come.
    private func settleEndedInput() {
        guard inputEnded != nil, phase == .open, queue.isEmpty else {
            return
        }
        guard let exchange else {
            context?.close(promise: nil)
            return
        }
        guard !exchange.isInputWhole else {
            return
        }
        exchange.keepsAlive = false
        exchange.body.fail(.truncated(received: exchange.record.bytesIn, expected: exchange.contentLength))
        if exchange.progress == .sent {
            complete(exchange)
        }
    }

    func fail(parsing failure: ParseFailure) {
        guard phase == .open, parseFailure == nil else {
            return
        }
        parseFailure = failure
        guard let exchange else {
            return refuse(failure)
        }
        guard !exchange.isInputWhole else {
            return
        }
        exchange.keepsAlive = false
        exchange.body.fail(.malformed)
        if exchange.progress == .sent {
            complete(exchange)
        }
    }

    /// Answers what cannot be parsed, and closes.
    private func refuse(_ failure: ParseFailure) {
        lastSerial += 1
        let record = AccessRecord(
            id: RequestID.make(),
            client: server.configuration.trustedProxies.client(of: peer, [:]),
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
        hasHeadBegun = false
        hasHeadLine = false
        lastSerial += 1
        let source = ExchangeHandle(connection: handle, serial: lastSerial)
        let check = RequestCheck(head, limits: server.configuration.limits)
        let client = server.configuration.trustedProxies.client(of: peer, head.fields)
        let record = AccessRecord(
            id: id(head.fields),
            client: client,
            method: head.method.rawValue,
            path: AccessRecord.path(of: head.target),
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
                path: target.path,
                query: target.query,
                headers: head.fields,
                remoteAddress: peer,
                clientAddress: client,
                id: record.id,
                contentLength: check.contentLength,
                body: body,
                informer: source
            )
            let responder = Responder(server: server, exchange: source, request: request, version: head.version)
            server.tasks.enter()
            exchange.task = Task { await responder.run() }
        }
    }

    private func id(_ headers: HTTPFields) -> String {
        if server.configuration.trustedProxies.trusts(peer), let id = headers[values: .xRequestID].first,
            RequestID.isSane(id)
        {
            return id
        }
        return RequestID.make()
    }

    private func takeBody(_ buffer: ByteBuffer) {
        guard let exchange else {
            return
        }
        exchange.record.bytesIn += Int64(buffer.readableBytes)
        // Whoever sends the body does not wait for a 100.
        exchange.expectsContinue = false
        updateWindow(exchange)
        if exchange.isDiscarding {
            return
        }
        if exchange.isHolding, server.budget.isOverrun {
            exchange.body.fail(.truncated(received: exchange.record.bytesIn, expected: exchange.contentLength))
            exchange.isDiscarding = true
            exchange.keepsAlive = false
            return
        }
        bodyClock.note(bytes: buffer.readableBytes, at: .now())
        if exchange.body.receive(buffer), !exchange.isHolding {
            exchange.isHolding = true
            bodyClock.pause(at: .now())
        }
    }

    private func endBody() {
        guard let exchange else {
            return
        }
        exchange.isInputWhole = true
        exchange.isHolding = false
        window.size = ReceiveWindow.headSize
        exchange.body.finish()
        if exchange.progress == .sent {
            complete(exchange)
        }
    }

    /// Large reads only for what is left of a body, so that little of the next request comes with them.
    private func updateWindow(_ exchange: Exchange) {
        let most = server.budget.isExhausted ? ReceiveWindow.tightSize : ReceiveWindow.bodySize
        let left = exchange.remaining ?? Int64(ReceiveWindow.tightSize)
        window.size = Int(min(Int64(most), max(Int64(ReceiveWindow.headSize), left)))
    }

    /// The reader has room, or wants no more at all.
    func resumeBody(_ serial: Int) {
        guard let exchange, exchange.serial == serial, exchange.isHolding else {
            return
        }
        exchange.isHolding = false
        bodyClock.resume(at: .now())
        armTimer()
        updateReading()
    }

    /// Drops the rest of a body that nobody wants.
    func discardBody(_ exchange: Exchange) {
        guard !exchange.isInputWhole, !exchange.isDiscarding else {
            return
        }
        exchange.isDiscarding = true
        exchange.body.stop()
        bodyClock.start(at: .now())
        armTimer()
        updateReading()
    }
}
