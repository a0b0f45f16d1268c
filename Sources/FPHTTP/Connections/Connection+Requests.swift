import HTTPTypes
import NIOCore
import NIOHTTP1

// From parsed parts to requests.
extension Connection {
    /// Takes the next part of the current request, or the head of the next one.
    func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(let head):
            self.head = .idle(since: .now())
            begin(RequestHead(head))
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
}
