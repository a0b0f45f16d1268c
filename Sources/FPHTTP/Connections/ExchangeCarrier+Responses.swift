import HTTPTypes
import NIOCore

// Responses, from their heads to their last bytes.
extension ExchangeCarrier {
    /// Answers without the handler.
    func answer(_ exchange: Exchange, _ response: Response, to method: HTTPRequest.Method, _ headers: HTTPFields) {
        var response = response
        server.configuration.cors?.apply(to: &response.headers, for: headers)
        guard case .bytes(let bytes) = response.body.content,
            let head = try? ResponseHead(response, to: method, exchange.version)
        else {
            preconditionFailure("the server's own answers are whole and valid")
        }
        respond(exchange.serial, head, bytes)
    }

    func respond(_ serial: Int, _ head: ResponseHead, _ body: ByteBuffer) {
        guard context != nil, let exchange = awaited(serial) else {
            return
        }
        start(exchange, head)
        var body = body
        if case .length = head.framing {
            exchange.record.bytesOut = Int64(body.readableBytes)
        } else {
            body.clear()
        }
        finish(exchange) { writeWhole(head, body, of: exchange, promise: $0) }
    }

    func respond(_ serial: Int, _ head: ResponseHead, _ file: FileBody) {
        guard context != nil, let exchange = awaited(serial) else {
            return
        }
        start(exchange, head)
        writeHead(head, of: exchange)
        let now = NIODeadline.now()
        exchange.file = FileProgress(file, at: now, copying: isEncrypted)
        exchange.response.lastWritten()
        writeClock.start(at: now)
        writeNextPiece(exchange)
        if self.exchange === exchange, !exchange.response.isSent {
            armTimer()
        }
    }

    func begin(
        _ serial: Int,
        _ head: ResponseHead,
        _ bytes: ByteBuffer,
        _ continuation: CheckedContinuation<Void, any Error>
    ) {
        guard let context, let exchange = awaited(serial) else {
            return continuation.resume(throwing: ClientGone())
        }
        start(exchange, head)
        exchange.response.streamBegan(head.framing)
        writeHead(head, of: exchange)
        write(context, exchange, bytes, continuation)
    }

    func write(_ serial: Int, _ bytes: ByteBuffer, _ continuation: CheckedContinuation<Void, any Error>) {
        guard let context, let exchange, exchange.serial == serial, exchange.response.stream != nil else {
            return continuation.resume(throwing: ClientGone())
        }
        write(context, exchange, bytes, continuation)
    }

    func finish(_ serial: Int) {
        guard let exchange, exchange.serial == serial, let framing = exchange.response.stream else {
            return
        }
        finish(exchange) { writeEnd(framing, of: exchange, promise: $0) }
    }

    /// Breaks off a response: any milder end could pass for the end of the body.
    func abort(_ serial: Int) {
        guard context != nil, let exchange, exchange.serial == serial else {
            return
        }
        exchange.response.abort()?.resume(throwing: ClientGone())
        reset(exchange)
    }

    func inform(_ serial: Int, _ status: HTTPResponse.Status, _ headers: HTTPFields) {
        guard let exchange = awaited(serial), exchange.version.isAtLeast11 else {
            return
        }
        sendInterim(status, headers)
    }

    // MARK: Steps

    /// The exchange of that number, if nothing of its response is out.
    func awaited(_ serial: Int) -> Exchange? {
        guard isOpen, let exchange, exchange.serial == serial, exchange.response.isAwaited else {
            return nil
        }
        return exchange
    }

    /// Decides whether more is taken in behind the response.
    private func start(_ exchange: Exchange, _ head: ResponseHead) {
        if head.closes || head.framing == .untilClose || server.isDraining || !canDrain(exchange) {
            exchange.closeAfterwards()
        }
        exchange.record.status = head.status
        if !exchange.body.hasBegun {
            discardBody(exchange)
        }
    }

    /// Whether what is left of the body is so little that reading it is cheaper than a new connection.
    ///
    /// A client that still waits for its 100 may or may not send the body after a final answer, so there is no telling
    /// what comes next.
    private func canDrain(_ exchange: Exchange) -> Bool {
        if exchange.arrival.isWhole {
            return true
        }
        guard let remaining = exchange.remaining, !exchange.arrival.awaitsContinue else {
            return false
        }
        return remaining <= server.configuration.limits.drain
    }

    private func write(
        _ context: ChannelHandlerContext,
        _ exchange: Exchange,
        _ bytes: ByteBuffer,
        _ continuation: CheckedContinuation<Void, any Error>
    ) {
        exchange.record.bytesOut += Int64(bytes.readableBytes)
        writePart(bytes, of: exchange)
        context.flush()
        guard self.exchange === exchange else {
            return continuation.resume(throwing: ClientGone())
        }
        if context.channel.isWritable {
            continuation.resume()
        } else {
            exchange.response.blocked(continuation)
            writeClock.start(at: .now())
            armTimer()
        }
    }

    /// Writes the next piece of the response's file. The one behind it follows when the kernel has taken this one: no task
    /// has to wake up for it, and of a file that is encrypted on its way no more than a piece is in memory.
    private func writeNextPiece(_ exchange: Exchange) {
        guard let context else { return }
        guard let piece = exchange.file?.nextPiece(at: .now()) else {
            return abortShortFile(exchange)
        }
        exchange.record.bytesOut += Int64(piece.readableBytes)
        if exchange.file?.isAtEnd ?? true {
            finish(exchange) { writePiece(piece, isLast: true, of: exchange, promise: $0) }
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            if self.exchange === exchange {
                writeNextPiece(exchange)
            }
        }
        writePiece(piece, isLast: false, of: exchange, promise: written)
        context.flush()
    }

    func abortShortFile(_ exchange: Exchange) {
        server.logger.error("The response's body failed: its file is shorter than promised.")
        abort(exchange.serial)
    }

    /// Writes the last of a response.
    private func finish(_ exchange: Exchange, _ writeLast: (EventLoopPromise<Void>) -> Void) {
        guard let context else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { [self] outcome in
            guard self.exchange === exchange else {
                return
            }
            guard case .success = outcome else {
                lastWriteFailed(of: exchange)
                return
            }
            exchange.response.lastTaken()
            exchange.file = nil
            exchange.record.log(to: server.logger)
            finishInput(of: exchange)
        }
        exchange.response.lastWritten()
        writeLast(written)
        context.flush()
        if self.exchange === exchange, !exchange.response.isSent {
            writeClock.start(at: .now())
            armTimer()
        }
    }

    /// The response is out; the request may not be in.
    private func finishInput(of exchange: Exchange) {
        if exchange.arrival.isWhole || !exchange.keepsAlive {
            complete(exchange)
        } else {
            discardBody(exchange)
        }
    }
}
