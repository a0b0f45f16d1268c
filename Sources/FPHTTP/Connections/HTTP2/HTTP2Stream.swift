import HTTPTypes
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One stream of an HTTP/2 connection, which carries one request and its response (RFC 9113, section 8.1).
///
/// What is held back is the window: bytes that the body's reader has no room for stay in the stream's channel, which
/// gives the client no credit for more of them.
final class HTTP2Stream: ExchangeCarrier {
    /// The most bytes that count as taken at once, so that the clock sees a slow client take them.
    private static let frameLength = 16 << 10

    private let connection: HTTP2Connection
    private var window: StreamWindow
    private var isClosed = false
    private var wasReset = false
    /// When a reset has to be out that this side has sent: a client that takes nothing at all keeps it here.
    private var resetDue: NIODeadline?
    /// Whether the server has room for it.
    private let hasPlace: Bool
    /// Whether the channel asked to read while it must not.
    private var isReadDue = false
    /// Bytes of bodies that were written and are not in the kernel's hands.
    private var untaken = 0

    init(of connection: HTTP2Connection) {
        self.connection = connection
        hasPlace = connection.server.streams.take()
        window = StreamWindow()
        super.init(server: connection.server, peer: connection.peer, isEncrypted: true)
    }

    /// Ends what is going on.
    func terminate() {
        exchange?.body.fail(.cancelled)
        exchange?.task?.cancel()
    }

    // MARK: Reading

    private var mayRead: Bool { exchange.map { !$0.arrival.isHeld } ?? true }

    override func updateReading() {
        if isReadDue, mayRead, let context {
            isReadDue = false
            context.read()
        }
    }

    private func take(_ headers: HPACKHeaders, isLast: Bool) {
        guard lastSerial == 0 else {
            // Trailers, which say nothing here.
            if isLast { endBody() }
            return
        }
        guard hasPlace, connection.isOpen else {
            // Nothing was done for it, so the client may try again (RFC 9113, section 8.7).
            return reset(.refusedStream)
        }
        guard let head = RequestHead(headers, endsRequest: isLast) else {
            return reset(.protocolError)
        }
        begin(head)
        if isLast { endBody() }
    }

    private func take(_ data: HTTP2Frame.FramePayload.Data) {
        guard case .byteBuffer(let bytes) = data.data else { return }
        window.received(bytes.readableBytes + (data.paddingBytes.map { $0 + 1 } ?? 0))
        if bytes.readableBytes > 0 { takeBody(bytes) }
        if data.endStream { endBody() }
    }

    /// Gives the client credit for much of a body at once, as one round trip a window is slow, unless there are many.
    override func updateWindow(_ exchange: Exchange) {
        connection.expectsBody()
        guard let remaining = exchange.remaining, !server.budget.isExhausted,
            let credit = window.credit(for: remaining, from: server.wideWindows)
        else { return }
        put(.windowUpdate(windowSizeIncrement: credit))
    }

    override func inputEnded(of exchange: Exchange) {}

    // MARK: Timing

    override var isOpen: Bool { !isClosed }

    private var writeIdle: TimeAmount { TimeAmount(server.configuration.timeouts.writeIdle) }

    override func due() -> NIODeadline? {
        guard let exchange else { return resetDue }
        return resetDue ?? (isClosed ? writeClock.due(idle: writeIdle) : due(exchange))
    }

    override func act(at now: NIODeadline) {
        guard resetDue != nil || isClosed else {
            if let exchange { check(exchange, at: now) }
            return
        }
        // A client that takes neither a reset nor the last of an answer takes nothing of any stream.
        if resetDue != nil || writeClock.isStalled(at: now, idle: writeIdle, pending: untaken) {
            connection.terminate()
        }
    }

    override var unacknowledgedBytes: Int { untaken }

    override func giveUpInput(of exchange: Exchange) {
        complete(exchange)
    }

    // MARK: Ending

    /// The stream is over when both sides have ended it. A body that nobody wants is no error (RFC 9113, section 8.1).
    override func complete(_ exchange: Exchange) {
        self.exchange = nil
        cancelTimer()
        guard !exchange.arrival.isWhole else { return }
        exchange.body.stop()
        reset(.noError)
    }

    override func reset(_ exchange: Exchange) {
        reset(.internalError)
    }

    /// Ends the stream, which is closed when that is on its way.
    private func reset(_ code: NIOHTTP2.HTTP2ErrorCode) {
        put(.rstStream(code))
        guard !isClosed else { return }
        resetDue = .now() + writeIdle
        cancelTimer()
        armTimer()
    }

    private func becomeClosed() {
        guard !isClosed else { return }
        isClosed = true
        handle = nil
        resetDue = nil
        if hasPlace { server.streams.giveBack() }
        window.close(server.wideWindows)
        connection.closed(self)
        // A stream is closed as soon as its last byte is on its way. Whether that went out the write tells.
        if let exchange, !wasReset, exchange.arrival.isWhole, exchange.response.isEnding { return }
        cancelTimer()
        if let exchange { lose(exchange) }
    }

    override func lastWriteFailed(of exchange: Exchange) {
        lose(exchange)
    }

    private func lose(_ exchange: Exchange) {
        self.exchange = nil
        abandon(exchange)
        if !isClosed { reset(.internalError) }
    }

    // MARK: Writing

    override func sendInterim(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        var fields = HPACKHeaders([(":status", String(status.code))])
        for field in headers {
            fields.add(name: field.name.canonicalName, value: field.value)
        }
        put(.headers(.init(headers: fields)))
    }

    override func writeHead(_ head: ResponseHead, of exchange: Exchange) {
        write(.headers(.init(headers: head.fields)))
    }

    override func writeWhole(
        _ head: ResponseHead, _ body: ByteBuffer, of exchange: Exchange, promise: EventLoopPromise<Void>
    ) {
        if body.readableBytes == 0 {
            write(.headers(.init(headers: head.fields, endStream: true)), promise: promise)
        } else {
            write(.headers(.init(headers: head.fields)))
            write(body, isLast: true, promise: promise)
        }
    }

    override func writePart(_ bytes: ByteBuffer, of exchange: Exchange) {
        if bytes.readableBytes > 0 { write(bytes, isLast: false) }
    }

    override func writeEnd(_ framing: ResponseHead.Framing, of exchange: Exchange, promise: EventLoopPromise<Void>) {
        write(ByteBuffer(), isLast: true, promise: promise)
    }

    override func writePiece(
        _ piece: IOData, isLast: Bool, of exchange: Exchange, promise: EventLoopPromise<Void>
    ) {
        guard case .byteBuffer(let bytes) = piece else {
            preconditionFailure("files are read where TLS is in between")
        }
        write(bytes, isLast: isLast, promise: promise)
    }

    private func write(_ bytes: ByteBuffer, isLast: Bool, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ClientGone())
            return
        }
        var rest = bytes
        repeat {
            let frame = rest.readSlice(length: min(rest.readableBytes, Self.frameLength)) ?? ByteBuffer()
            let isEnd = rest.readableBytes == 0
            let count = frame.readableBytes
            untaken += count
            writeClock.written += Int64(count)
            let taken = context.eventLoop.makePromise(of: Void.self)
            taken.futureResult.assumeIsolated().whenComplete { [self] _ in untaken -= count }
            if isEnd { taken.futureResult.cascade(to: promise) }
            write(.data(.init(data: .byteBuffer(frame), endStream: isEnd && isLast)), promise: taken)
        } while rest.readableBytes > 0
    }

    private func put(_ frame: HTTP2Frame.FramePayload) {
        write(frame)
        context?.flush()
    }

    private func write(_ frame: HTTP2Frame.FramePayload, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ClientGone())
            return
        }
        context.write(wrapOutboundOut(frame), promise: promise)
    }
}

extension HTTP2Stream: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundIn = Never
    typealias OutboundOut = HTTP2Frame.FramePayload

    func handlerAdded(context: ChannelHandlerContext) {
        attach(to: context)
        connection.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        becomeClosed()
        detach()
    }

    func channelInactive(context: ChannelHandlerContext) {
        becomeClosed()
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        if mayRead {
            context.read()
        } else {
            isReadDue = true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let content): take(content.headers, isLast: content.endStream)
        case .data(let content): take(content)
        default: break
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            exchange?.response.unblocked()?.resume()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What could not be sent any more, such as credit for a body that had ended meanwhile.
        if error is NIOHTTP2Errors.BadStreamStateTransition { return }
        // The client has reset the stream, or broken its rules: the channel closes by itself.
        wasReset = true
        server.logger.debug("A stream of \(peer.name) ends: \(error)")
    }
}
