import Glibc
import HTTPTypes
import NIOCore

// Responses, in order.
extension Connection {
    /// Bytes of a body that go out in the same buffer as their head.
    private static let joinLimit = 16 << 10

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
        guard let context, let exchange = awaited(serial) else {
            return
        }
        var text = start(exchange, head)
        if case .length = head.framing {
            exchange.record.bytesOut = Int64(body.readableBytes)
            if body.readableBytes <= Self.joinLimit {
                text.writeImmutableBuffer(body)
                writeLast(context, exchange, text)
            } else {
                put(context, text)
                writeLast(context, exchange, body)
            }
        } else {
            writeLast(context, exchange, text)
        }
    }

    func respond(_ serial: Int, _ head: ResponseHead, _ file: FileBody) {
        guard let context, let exchange = awaited(serial) else {
            return
        }
        put(context, .byteBuffer(start(exchange, head)))
        let now = NIODeadline.now()
        exchange.file = FileProgress(file, at: now, copying: isEncrypted)
        exchange.response.lastWritten()
        writeClock.start(at: now)
        writePiece(context, exchange)
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
        let text = start(exchange, head)
        exchange.response.streamBegan(head.framing)
        put(context, text)
        write(context, exchange, bytes, continuation)
    }

    func write(_ serial: Int, _ bytes: ByteBuffer, _ continuation: CheckedContinuation<Void, any Error>) {
        guard let context, let exchange, exchange.serial == serial, exchange.response.stream != nil else {
            return continuation.resume(throwing: ClientGone())
        }
        write(context, exchange, bytes, continuation)
    }

    func finish(_ serial: Int) {
        guard let context, let exchange, exchange.serial == serial, let framing = exchange.response.stream else {
            return
        }
        var end = ByteBuffer()
        if framing == .chunked {
            end.writeStaticString("0\r\n\r\n")
        }
        writeLast(context, exchange, end)
    }

    /// Resets the connection: any milder end could pass for the end of the body.
    func abort(_ serial: Int) {
        guard let context, let exchange, exchange.serial == serial else {
            return
        }
        exchange.response.abort()?.resume(throwing: ClientGone())
        if peer.isTCP, let options = context.channel as? any SocketOptionProvider {
            options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        cut()
    }

    func sendInterim(_ serial: Int, _ status: HTTPResponse.Status, _ headers: HTTPFields) {
        guard let context, let exchange = awaited(serial), exchange.version.isAtLeast11 else {
            return
        }
        var text = ByteBuffer(string: "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for field in headers {
            text.writeString("\(field.name): \(field.value)\r\n")
        }
        text.writeStaticString("\r\n")
        put(context, text)
        context.flush()
    }

    // MARK: Steps

    func put(_ context: ChannelHandlerContext, _ bytes: ByteBuffer) {
        put(context, .byteBuffer(bytes))
    }

    func put(_ context: ChannelHandlerContext, _ bytes: IOData, promise: EventLoopPromise<Void>? = nil) {
        writeClock.written += Int64(bytes.readableBytes)
        if inputEnded != nil {
            inputEnded = .now()
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// The exchange of that number, if nothing of its response is out.
    func awaited(_ serial: Int) -> Exchange? {
        guard isOpen, let exchange, exchange.serial == serial, exchange.response.isAwaited else {
            return nil
        }
        return exchange
    }

    /// Decides whether the connection goes on, and has the head say so.
    private func start(_ exchange: Exchange, _ head: ResponseHead) -> ByteBuffer {
        if head.closes || head.framing == .untilClose || server.isDraining || !canDrain(exchange) {
            exchange.closeAfterwards()
        }
        exchange.record.status = head.status
        if !exchange.body.hasBegun {
            discardBody(exchange)
        }
        var head = head
        if !exchange.keepsAlive {
            return head.end(connection: "close")
        }
        return head.end(connection: exchange.version.isAtLeast11 ? nil : "keep-alive")
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
        if exchange.response.stream == .chunked, bytes.readableBytes > 0 {
            let size = String(bytes.readableBytes, radix: 16)
            put(context, ByteBuffer(string: size + "\r\n"))
            put(context, bytes)
            put(context, ByteBuffer(staticString: "\r\n"))
        } else {
            put(context, bytes)
        }
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
    private func writePiece(_ context: ChannelHandlerContext, _ exchange: Exchange) {
        guard let piece = exchange.file?.nextPiece(at: .now()) else {
            return abortShortFile(exchange)
        }
        exchange.record.bytesOut += Int64(piece.readableBytes)
        if exchange.file?.isAtEnd ?? true {
            writeLast(context, exchange, piece)
            return
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            if self.exchange === exchange {
                writePiece(context, exchange)
            }
        }
        put(context, piece, promise: written)
        context.flush()
    }

    func abortShortFile(_ exchange: Exchange) {
        server.logger.error("The response's body failed: its file is shorter than promised.")
        abort(exchange.serial)
    }

    private func writeLast(_ context: ChannelHandlerContext, _ exchange: Exchange, _ bytes: ByteBuffer) {
        writeLast(context, exchange, .byteBuffer(bytes))
    }

    private func writeLast(_ context: ChannelHandlerContext, _ exchange: Exchange, _ bytes: IOData) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenSuccess { [self] in
            guard self.exchange === exchange else {
                return
            }
            exchange.response.lastTaken()
            exchange.file = nil
            exchange.record.log(to: server.logger)
            finishInput(of: exchange)
        }
        exchange.response.lastWritten()
        put(context, bytes, promise: written)
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
