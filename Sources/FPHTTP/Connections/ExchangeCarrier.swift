import HTTPTypes
import NIOCore

/// What exchanges go over: a connection of HTTP/1, which carries one after the other, or a stream of HTTP/2, which
/// carries one. Lives on its event loop.
///
/// What requests, bodies, responses and clocks have in common stands here; how it is read and written, and what follows,
/// is the subclass's.
class ExchangeCarrier {
    let server: ServerCore
    /// The other end of the connection.
    var peer: Peer
    /// Whether TLS is between this and the socket.
    let isEncrypted: Bool
    private(set) var context: ChannelHandlerContext?
    /// What handlers run on: this carrier's event loop, and threads that lend themselves.
    private(set) var executor: LoopExecutor?
    var handle: CarrierHandle?

    /// The request that is being served.
    var exchange: Exchange?
    var lastSerial = 0

    /// When the reader is to be told of bytes that are being gathered for it.
    var gathering: NIODeadline?
    /// Whether ``endGathering()`` will be called.
    var isGatheringTimed = false

    var bodyClock = BodyClock()
    var writeClock = WriteClock()
    private var eventLoop: (any EventLoop)?
    private var timer: Scheduled<Void>?
    private var timerDue = NIODeadline.distantFuture

    init(server: ServerCore, peer: Peer, isEncrypted: Bool) {
        self.server = server
        self.peer = peer
        self.isEncrypted = isEncrypted
    }

    /// Takes its place in the pipeline.
    func attach(to context: ChannelHandlerContext) {
        self.context = context
        eventLoop = context.eventLoop
        let executor = server.executor(of: context.eventLoop)
        self.executor = executor
        handle = CarrierHandle(self, eventLoop: context.eventLoop, executor: executor)
    }

    /// Leaves the pipeline.
    func detach() {
        context = nil
    }

    // MARK: Timing

    /// One timer, set only when something earlier than before may be due, so that a busy carrier hardly ever touches it.
    func armTimer() {
        guard let due = due(), due < timerDue, let eventLoop else {
            return
        }
        timer?.cancel()
        timerDue = due
        timer = eventLoop.assumeIsolated().scheduleTask(deadline: due) { [self] in
            timer = nil
            timerDue = .distantFuture
            checkTimes()
        }
    }

    func cancelTimer() {
        timer?.cancel()
        timer = nil
        timerDue = .distantFuture
    }

    private func checkTimes() {
        let now = NIODeadline.now()
        if let due = due(), due <= now {
            act(at: now)
        }
        armTimer()
    }

    // MARK: What differs

    /// Whether exchanges may go on.
    var isOpen: Bool { subclass() }

    /// When to look at the clocks next; nil if none runs.
    func due() -> NIODeadline? { subclass() }

    /// Something is due.
    func act(at now: NIODeadline) { subclass() }

    /// Bytes of the response that the client's side has not acknowledged, as far as can be told.
    var unacknowledgedBytes: Int { subclass() }

    /// Reads, if that was held back and need not be any more.
    func updateReading() { subclass() }

    /// Sees to how much of the exchange's body may come at a time.
    func updateWindow(_ exchange: Exchange) { subclass() }

    /// All of the exchange's body is in.
    func inputEnded(of exchange: Exchange) { subclass() }

    /// Sends an interim response (RFC 9110, section 15.2).
    func sendInterim(_ status: HTTPResponse.Status, _ headers: HTTPFields) { subclass() }

    /// Writes the head of a response whose body follows.
    func writeHead(_ head: ResponseHead, of exchange: Exchange) { subclass() }

    /// Writes a whole response.
    func writeWhole(_ head: ResponseHead, _ body: ByteBuffer, of exchange: Exchange, promise: EventLoopPromise<Void>) {
        subclass()
    }

    /// Writes a part of a body that is made as it goes out.
    func writePart(_ bytes: ByteBuffer, of exchange: Exchange) { subclass() }

    /// Writes the end of such a body.
    func writeEnd(_ framing: ResponseHead.Framing, of exchange: Exchange, promise: EventLoopPromise<Void>) {
        subclass()
    }

    /// Writes a piece of a body that is a file.
    func writePiece(_ piece: IOData, isLast: Bool, of exchange: Exchange, promise: EventLoopPromise<Void>) {
        subclass()
    }

    /// Ends the exchange so that the client cannot take what it has for the whole response.
    func reset(_ exchange: Exchange) { subclass() }

    /// The last of the response did not go out.
    func lastWriteFailed(of exchange: Exchange) { subclass() }

    /// The rest of the body comes too slowly, and its response is out.
    func giveUpInput(of exchange: Exchange) { subclass() }

    /// The exchange is over: its response is out, and no more of its body is waited for.
    func complete(_ exchange: Exchange) { subclass() }

    private func subclass(_ function: StaticString = #function) -> Never {
        preconditionFailure("\(function) is the subclass's")
    }
}
