import FPFormats
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
    typealias OutboundOut = IOData

    enum Phase {
        case open
        /// The last response is out and the output closed; what the client still sends is counted and dropped.
        case lingering(since: NIODeadline, dropped: Int64)
        case closed
    }

    let server: ServerCore
    private(set) var peer: Peer
    /// Whether TLS is between this and the socket.
    let isEncrypted: Bool
    /// What it is counted under, if it is.
    private(set) var place: AddressBlock?
    let window = ReceiveWindow()
    private(set) var context: ChannelHandlerContext?
    /// What handlers run on: this connection's event loop, and threads that lend themselves.
    private(set) var executor: LoopExecutor?
    var handle: ConnectionHandle?

    var phase = Phase.open
    /// The head of the next request, while there is no ``exchange``.
    var head: HeadArrival
    /// The request that is being served.
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

    /// When the reader is to be told of bytes that are being gathered for it.
    var gathering: NIODeadline?
    /// Whether ``endGathering()`` will be called.
    var isGatheringTimed = false

    var bodyClock = BodyClock()
    var writeClock = WriteClock()
    var timer: Scheduled<Void>?
    var timerDue = NIODeadline.distantFuture

    /// Requests that may wait behind another.
    static let queueLimit = 4096

    init(server: ServerCore, peer: Peer, isEncrypted: Bool) {
        self.server = server
        self.peer = peer
        self.isEncrypted = isEncrypted
        self.head = .awaited(since: .now())
    }

    var isOpen: Bool {
        if case .open = phase { true } else { false }
    }

    /// Counts the connection among those of its client's address.
    ///
    /// - Returns: Whether that has fewer than it may have.
    func takePlace() -> Bool {
        do throws(AddressCounts.TooMany) {
            place = try server.addresses.enter(peer)
            return true
        } catch {
            server.logger.debug("\(peer.name) has as many connections as it may; one more is closed")
            return false
        }
    }

    /// The proxy at the other end has said whose connection it is.
    ///
    /// - Returns: Whether that client may have one more.
    func learned(_ client: ProxyHeader.Client) -> Bool {
        let proxies = server.configuration.trustedProxies
        switch client {
        case .proxy: return true
        case .unknown: peer = peer.client(nil, trusting: proxies)
        case .address(let address): peer = peer.client(address, trusting: proxies)
        }
        return takePlace()
    }

    // MARK: Reading

    private var mayRead: Bool {
        switch phase {
        case .open:
            if parseFailure != nil || !queue.isEmpty {
                return false
            }
            return exchange.map { !$0.arrival.isHeld } ?? true
        case .lingering(_, let dropped):
            return dropped < server.configuration.limits.linger
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

    /// What the tap asks before bytes go to the parser.
    func takes(_ buffer: ByteBuffer) -> Bool {
        switch phase {
        case .open:
            if exchange == nil {
                head.received(buffer, at: .now())
            }
            return parseFailure == nil
        case .lingering(let since, let dropped):
            phase = .lingering(since: since, dropped: dropped + Int64(buffer.readableBytes))
            return false
        case .closed:
            return false
        }
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let executor = server.executor(of: context.eventLoop)
        self.executor = executor
        let handle = ConnectionHandle(self, eventLoop: context.eventLoop, executor: executor)
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
        guard isOpen else {
            return
        }
        let part = unwrapInboundIn(data)
        if exchange?.arrival.isWhole == true {
            if queue.count < Self.queueLimit {
                queue.append(part)
            } else {
                close()
            }
        } else {
            take(part)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if exchange == nil, isOpen, head.hasBegun {
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
        if context.channel.isWritable {
            exchange?.response.unblocked()?.resume()
        }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The end of the input, in the middle of a request, is an event of its own.
        guard error as? HTTPParserError != .invalidEOFState else {
            return
        }
        guard let failure = ParseFailure(error, hasHeadLine: head.hasLine) else {
            // Socket errors: the channel closes by itself, or is closed here.
            if case .closed = phase { return }
            if !(error is ByteToMessageDecoderError) {
                close()
            }
            return
        }
        fail(parsing: failure)
    }
}
