import NIOCore
import NIOHTTP1

/// One client connection: takes parsed requests one at a time, gives each to a task of the handler, and writes the
/// responses in order. Lives on its event loop.
///
/// Reading is what is held back: while a body's reader has enough, and while a request waits behind another, the
/// socket is left alone, and the kernel makes the client wait.
final class Connection: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    enum Phase {
        case open
        /// The last response is out and the output closed; what the client still sends is dropped.
        case lingering
        case closed
    }

    /// What is waited for, and may take too long.
    enum Wait: Equatable {
        case request(since: NIODeadline)
        case head(since: NIODeadline)
        case linger(since: NIODeadline)
    }

    let server: ServerCore
    let peer: SocketAddress?
    let window = ReceiveWindow()
    private(set) var context: ChannelHandlerContext?
    private(set) var handle: ConnectionHandle?

    var phase = Phase.open
    var exchange: Exchange?
    var lastSerial = 0
    /// Requests that came behind one that is not answered yet.
    var queue = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 0)
    var isServingQueue = false
    /// What is wrong with the bytes behind the current request; nothing after them can be understood.
    var parseFailure: ParseFailure?
    /// When the client closed its side, or when it was last sent something since then.
    var inputEnded: NIODeadline?
    /// Whether the channel asked to read while it must not.
    private var isReadDue = false

    var wait: Wait
    var bodyClock = BodyClock()
    var writeClock = WriteClock()
    var timer: Scheduled<Void>?
    var timerDue = NIODeadline.distantFuture

    /// Whether the head that is arriving has its first line complete, which tells a long target from long fields.
    var hasHeadLine = false
    /// Whether part of a head has arrived.
    var hasHeadBegun = false
    var lingered: Int64 = 0

    /// Requests that may wait behind another.
    static let queueLimit = 4096

    init(server: ServerCore, peer: SocketAddress?) {
        self.server = server
        self.peer = peer
        self.wait = .head(since: .now())
    }

    var mayRead: Bool {
        switch phase {
        case .open:
            if parseFailure != nil || !queue.isEmpty {
                return false
            }
            return exchange.map { !$0.isHolding || $0.isDiscarding } ?? true
        case .lingering:
            return lingered < server.configuration.limits.linger
        case .closed:
            return true
        }
    }

    /// Reads if the channel wanted to while it was not allowed, and is now.
    func updateReading() {
        if isReadDue, mayRead, let context {
            isReadDue = false
            context.read()
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let handle = ConnectionHandle(self, eventLoop: context.eventLoop)
        self.handle = handle
        server.connections.insert(handle)
        armTimer()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        becomeClosed()
        self.context = nil
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
        guard phase == .open else {
            return
        }
        let part = unwrapInboundIn(data)
        if exchange?.isInputWhole == true {
            if queue.count < Self.queueLimit {
                queue.append(part)
            } else {
                context.close(promise: nil)
            }
        } else {
            take(part)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if exchange == nil, phase == .open, hasHeadBegun, case .request = wait {
            wait = .head(since: .now())
            armTimer()
        }
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed {
            endInput()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, let exchange, let writer = exchange.writer.take() {
            writer.resume()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The end of the input, in the middle of a request, is an event of its own.
        guard error as? HTTPParserError != .invalidEOFState else {
            return
        }
        guard let failure = ParseFailure(error, hasHeadLine: hasHeadLine) else {
            // Socket errors: the channel closes by itself, or is closed here.
            if !(error is ByteToMessageDecoderError), phase != .closed {
                context.close(promise: nil)
            }
            return
        }
        fail(parsing: failure)
    }

    /// What the tap asks before bytes go to the parser.
    func takes(_ buffer: ByteBuffer) -> Bool {
        switch phase {
        case .open:
            if exchange == nil {
                hasHeadBegun = true
                hasHeadLine = hasHeadLine || buffer.readableBytesView.contains(UInt8(ascii: "\n"))
            }
            return parseFailure == nil
        case .lingering:
            lingered += Int64(buffer.readableBytes)
            return false
        case .closed:
            return false
        }
    }

    // MARK: Ending

    private func becomeClosed() {
        guard phase != .closed else {
            return
        }
        phase = .closed
        timer?.cancel()
        timer = nil
        queue.removeAll()
        if let exchange {
            self.exchange = nil
            abandon(exchange)
        }
        if let handle {
            server.connections.remove(handle)
            self.handle = nil
        }
    }

    /// Lets go of an exchange whose client is gone.
    private func abandon(_ exchange: Exchange) {
        let learnsFromBody = exchange.body.isBeingRead
        if !exchange.isInputWhole {
            exchange.body.fail(
                .truncated(received: exchange.record.bytesIn, expected: exchange.contentLength)
            )
        }
        if !learnsFromBody {
            exchange.task?.cancel()
        }
        exchange.writer.take()?.resume(throwing: ClientGone())
        if exchange.isAborted {
            exchange.record.log(to: server.logger, isAborted: true)
        } else if exchange.progress != .sent {
            exchange.record.status = AccessRecord.clientGone
            exchange.record.log(to: server.logger)
        }
    }

    /// Lets the current request finish, takes no other, and closes a connection that has none.
    func drain() {
        switch phase {
        case .open:
            if let exchange {
                exchange.keepsAlive = false
                queue.removeAll()
            } else {
                closeAfterAnswer(clientMaySend: hasHeadBegun)
            }
        case .lingering:
            context?.close(promise: nil)
        case .closed:
            break
        }
    }

    /// Ends whatever is going on.
    func terminate() {
        if let exchange {
            exchange.body.fail(.cancelled)
            exchange.task?.cancel()
        }
        context?.close(promise: nil)
    }

    /// Closes once everything written has gone out.
    ///
    /// Where the client may be sending, only the output closes at first: closing a socket with bytes unread resets
    /// it, and a reset can overtake the answer.
    func closeAfterAnswer(clientMaySend: Bool) {
        guard let context, phase == .open else {
            return
        }
        queue.removeAll()
        guard clientMaySend, inputEnded == nil else {
            context.close(promise: nil)
            return
        }
        phase = .lingering
        wait = .linger(since: .now())
        armTimer()
        context.close(mode: .output, promise: nil)
        updateReading()
    }
}
