import FPFormats
import Glibc
import HTTPTypes
import NIOCore
import NIOHTTP1

/// One client connection of HTTP/1: takes parsed requests one at a time, gives each to a task of the handler, and writes
/// the responses in order.
///
/// Reading is what is held back: while a body's reader has enough, and while a request waits behind another, the
/// socket is left alone, and the kernel makes the client wait.
final class Connection: ExchangeCarrier {
    enum Phase {
        case open
        /// The last response is out and the output closed; what the client still sends is counted and dropped.
        case lingering(since: NIODeadline, dropped: Int64)
        case closed
    }

    /// What it is counted under, if it is.
    private(set) var place: AddressBlock?
    /// How a server that stops reaches it.
    var registration: ConnectionHandle?
    let window = ReceiveWindow()

    var phase = Phase.open
    /// The head of the next request, while there is no ``exchange``.
    var head: HeadArrival
    /// Requests that came behind one that is not answered yet.
    var queue = CircularBuffer<HTTPServerRequestPart>(initialCapacity: 0)
    var isServingQueue = false
    /// What is wrong with the bytes behind the current request; nothing after them can be understood.
    var parseFailure: ParseFailure?
    /// When the client closed its side, or when it was last sent something since then.
    var inputEnded: NIODeadline?
    /// Whether the channel asked to read while it must not.
    var isReadDue = false

    /// Requests that may wait behind another.
    static let queueLimit = 4096

    override init(server: ServerCore, peer: Peer, isEncrypted: Bool) {
        head = .awaited(since: .now())
        super.init(server: server, peer: peer, isEncrypted: isEncrypted)
    }

    override var isOpen: Bool {
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

    /// Another one takes over, with its place among those of its client's address.
    func handOver() -> AddressBlock? {
        defer { place = nil }
        return place
    }

    // MARK: Reading

    var mayRead: Bool {
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
    override func updateReading() {
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

    // MARK: Timing

    private var timeouts: HTTPServer.Timeouts { server.configuration.timeouts }

    override func due() -> NIODeadline? {
        switch phase {
        case .closed: return nil
        case .lingering(let since, _): return since + TimeAmount(timeouts.linger)
        case .open:
            guard let exchange else { return head.due(timeouts) }
            let closed = inputEnded.map { $0 + TimeAmount(timeouts.halfClosed) }
            return [due(exchange), closed].compactMap { $0 }.min()
        }
    }

    override func act(at now: NIODeadline) {
        switch phase {
        case .open:
            if let exchange {
                check(exchange, at: now)
                checkEndedInput(exchange, at: now)
            } else if head.hasBegun {
                fail(parsing: .slowHead)
            } else {
                close()
            }
        case .lingering, .closed:
            close()
        }
    }

    private func checkEndedInput(_ exchange: Exchange, at now: NIODeadline) {
        guard let ended = inputEnded, self.exchange === exchange else { return }
        // A piece of a file may be on its way for long.
        let last = exchange.file == nil ? ended : max(ended, writeClock.lastProgress)
        inputEnded = last
        if last + TimeAmount(timeouts.halfClosed) <= now {
            close()
        }
    }

    override var unacknowledgedBytes: Int { context?.unacknowledgedBytes ?? 0 }

    // MARK: Exchanges

    /// Large reads only for what is left of a body, so that little of the next request comes with them.
    override func updateWindow(_ exchange: Exchange) {
        let most =
            switch server.budget {
            case let budget where budget.isExhausted: ReceiveWindow.tightSize
            case let budget where budget.isStrained:
                isEncrypted ? ReceiveWindow.encryptedSize : ReceiveWindow.strainedSize
            case _ where isEncrypted: ReceiveWindow.encryptedSize
            default: ReceiveWindow.bodySize
            }
        let left = exchange.remaining ?? Int64(ReceiveWindow.tightSize)
        window.size = Int(min(Int64(most), max(Int64(ReceiveWindow.headSize), left)))
    }

    override func inputEnded(of exchange: Exchange) {
        window.size = ReceiveWindow.headSize
    }

    override func lastWriteFailed(of exchange: Exchange) {
        // The channel closes by itself.
    }

    override func giveUpInput(of exchange: Exchange) {
        close()
    }

    /// The exchange is over: the connection closes, or takes the next request.
    override func complete(_ exchange: Exchange) {
        let mayMoreCome = !exchange.arrival.isWhole || !queue.isEmpty || parseFailure != nil
        if !exchange.arrival.isWhole {
            exchange.body.stop()
        }
        self.exchange = nil
        guard exchange.keepsAlive else {
            closeAfterAnswer(clientMaySend: mayMoreCome)
            return
        }
        head = .idle(since: .now())
        armTimer()
        serveQueue()
    }

    /// Resets the connection: any milder end could pass for the end of the body.
    override func reset(_ exchange: Exchange) {
        if peer.isTCP, let options = context?.channel as? any SocketOptionProvider {
            options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
        }
        cut()
    }

    // MARK: Writing

    /// Bytes of a body that go out in the same buffer as their head.
    private static let joinLimit = 16 << 10

    override func sendInterim(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        var text = ByteBuffer(string: "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for field in headers {
            text.writeString("\(field.name): \(field.value)\r\n")
        }
        text.writeStaticString("\r\n")
        put(.byteBuffer(text))
        context?.flush()
    }

    override func writeHead(_ head: ResponseHead, of exchange: Exchange) {
        put(.byteBuffer(text(of: head, exchange)))
    }

    override func writeWhole(
        _ head: ResponseHead, _ body: ByteBuffer, of exchange: Exchange, promise: EventLoopPromise<Void>
    ) {
        var text = text(of: head, exchange)
        if body.readableBytes <= Self.joinLimit {
            text.writeImmutableBuffer(body)
            put(.byteBuffer(text), promise: promise)
        } else {
            put(.byteBuffer(text))
            put(.byteBuffer(body), promise: promise)
        }
    }

    override func writePart(_ bytes: ByteBuffer, of exchange: Exchange) {
        guard exchange.response.stream == .chunked, bytes.readableBytes > 0 else {
            return put(.byteBuffer(bytes))
        }
        put(.byteBuffer(ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n")))
        put(.byteBuffer(bytes))
        put(.byteBuffer(ByteBuffer(staticString: "\r\n")))
    }

    override func writeEnd(_ framing: ResponseHead.Framing, of exchange: Exchange, promise: EventLoopPromise<Void>) {
        let end = framing == .chunked ? ByteBuffer(staticString: "0\r\n\r\n") : ByteBuffer()
        put(.byteBuffer(end), promise: promise)
    }

    override func writePiece(
        _ piece: IOData, isLast: Bool, of exchange: Exchange, promise: EventLoopPromise<Void>
    ) {
        put(piece, promise: promise)
    }

    private func put(_ bytes: IOData, promise: EventLoopPromise<Void>? = nil) {
        guard let context else {
            promise?.fail(ClientGone())
            return
        }
        writeClock.written += Int64(bytes.readableBytes)
        if inputEnded != nil {
            inputEnded = .now()
        }
        context.write(wrapOutboundOut(bytes), promise: promise)
    }

    /// The head as it goes out, with what it says of the connection.
    private func text(of head: ResponseHead, _ exchange: Exchange) -> ByteBuffer {
        if !exchange.keepsAlive {
            return head.text(connection: "close")
        }
        return head.text(connection: exchange.version.isAtLeast11 ? nil : "keep-alive")
    }
}
