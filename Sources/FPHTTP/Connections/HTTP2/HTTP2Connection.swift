import FPFormats
import NIOCore
import NIOHTTP2

/// A client connection of HTTP/2 (RFC 9113): opens a channel for each stream, and sees to what they share. Lives on its event
/// loop.
final class HTTP2Connection {
    /// Its name in the handshake of TLS.
    static let protocolName = "h2"
    /// Streams at a time; a client waits with others, and is refused them if it does not.
    static let streamLimit = 32

    private enum Phase {
        case open
        /// The client was told that no more streams are taken; those that there are go on.
        case draining
        case closed
    }

    let server: ServerCore
    let peer: Peer
    private let place: AddressBlock?
    private let receiveWindow: ReceiveWindow
    private var registration: ConnectionHandle?
    private var context: ChannelHandlerContext?

    private var phase = Phase.open
    private var streams: [ObjectIdentifier: HTTP2Stream] = [:]
    private var lastStream = HTTP2StreamID.rootStream
    /// Since when there is no stream, whatever else the client sends.
    private var idleSince = NIODeadline.now()
    private var hadStreams = false
    private var timer: Scheduled<Void>?
    /// Whether the channel asked to read while it must not.
    private var isReadDue = false
    /// Frames for streams that are over, as they come when both sides end one at once.
    private var lateFrames = 0
    private static let mostLateFrames = 256

    private init(takingOver connection: Connection) {
        server = connection.server
        peer = connection.peer
        receiveWindow = connection.window
        place = connection.handOver()
    }

    /// Takes the place of a connection that turns out to speak HTTP/2.
    static func replace(_ connection: Connection, in channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let successor = HTTP2Connection(takingOver: connection)
        let streams = NIOLoopBound(successor, eventLoop: channel.eventLoop)
        let frames = NIOHTTP2Handler(
            mode: .server, eventLoop: channel.eventLoop,
            connectionConfiguration: connectionConfiguration(successor.server.configuration.limits),
            streamConfiguration: streamConfiguration
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(HTTP2Stream(of: streams.value))
            }
        }
        try pipeline.addHandler(frames, position: .after(connection))
        try pipeline.addHandler(successor, position: .after(frames))
        pipeline.removeHandler(connection, promise: nil)
    }

    private static func connectionConfiguration(
        _ limits: HTTPServer.Limits
    ) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        // Each field counts 32 bytes more than it has. A head that is a little too long is read, and then refused as what it
        // is.
        let head = limits.headers + limits.target + 32 * (limits.headerCount + 8)
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: streamLimit),
            HTTP2Setting(parameter: .maxHeaderListSize, value: head),
            HTTP2Setting(parameter: .initialWindowSize, value: StreamWindow.initial),
        ]
        // The sum of what may be on its way; what is held of it is for each stream to limit.
        configuration.targetWindowSize = 4 << 20
        configuration.maximumBufferedControlFrames = 256
        return configuration
    }

    private static var streamConfiguration: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = StreamWindow.initial
        configuration.outboundBufferSizeHighWatermark = 256 << 10
        configuration.outboundBufferSizeLowWatermark = 128 << 10
        return configuration
    }

    // MARK: Streams

    /// Whether streams that begin are served.
    var isOpen: Bool { phase == .open }

    func opened(_ stream: HTTP2Stream) {
        hadStreams = true
        streams[ObjectIdentifier(stream)] = stream
        if let number = try? stream.context?.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID) {
            lastStream = max(lastStream, number)
        }
    }

    func closed(_ stream: HTTP2Stream) {
        streams[ObjectIdentifier(stream)] = nil
        guard streams.isEmpty else { return }
        idleSince = .now()
        receiveWindow.size = ReceiveWindow.headSize
        if phase == .draining { close() } else { armTimer() }
    }

    /// A body comes: larger reads from here on.
    func expectsBody() {
        receiveWindow.size = server.budget.isExhausted ? ReceiveWindow.tightSize : ReceiveWindow.encryptedSize
    }

    // MARK: Timing

    private func armTimer() {
        timer?.cancel()
        guard phase != .closed, let context else { return }
        let timeouts = server.configuration.timeouts
        let due = idleSince + TimeAmount(hadStreams ? timeouts.idle : timeouts.head)
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [self] in
            guard streams.isEmpty else { return }
            goAway()
            close()
        }
    }

    // MARK: Ending

    /// Tells the client which streams were taken, so that it tries others elsewhere (RFC 9113, section 6.8).
    private func goAway() {
        guard let context else { return }
        let frame = HTTP2Frame(
            streamID: .rootStream, payload: .goAway(lastStreamID: lastStream, errorCode: .noError, opaqueData: nil))
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Ends the connection in order. Not from within a write that ends just now: what TLS has to say at the end would wait for
    /// that one, and be lost.
    private func close() {
        guard let context else { return }
        end()
        context.eventLoop.assumeIsolated().execute { [self] in
            self.context?.close(promise: nil)
        }
    }

    /// Takes no more streams.
    private func end() {
        phase = .closed
        timer?.cancel()
        timer = nil
    }

    private func becomeClosed() {
        end()
        guard let registration else { return }
        server.connections.remove(registration)
        self.registration = nil
        if let place { server.addresses.leave(place) }
    }
}

extension HTTP2Connection: ServedConnection {
    func drain() {
        guard phase == .open else { return }
        phase = .draining
        goAway()
        if streams.isEmpty { close() }
    }

    func terminate() {
        for stream in streams.values { stream.terminate() }
        context?.cut()
    }
}

extension HTTP2Connection: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let executor = server.executor(of: context.eventLoop)
        let registration = ConnectionHandle(self, eventLoop: context.eventLoop, executor: executor)
        self.registration = registration
        server.connections.insert(registration)
        armTimer()
        if server.isDraining { drain() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        becomeClosed()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        becomeClosed()
        context.fireChannelInactive()
    }

    /// Nothing is read of a client that does not take what it is sent: what it is owed for its frames would wait here.
    func read(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            context.read()
        } else {
            isReadDue = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isReadDue, context.channel.isWritable {
            isReadDue = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Nobody waits for answers behind the end of what they send: with streams there is no need to.
        if event as? ChannelEvent == .inputClosed { close() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !concernsOneStream(error) else { return }
        server.logger.debug("The connection of \(peer.name) ends: \(error)")
        close()
    }

    /// Whether the library has dealt with an error by resetting its stream: then the others go on.
    private func concernsOneStream(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOHTTP2Errors.NoSuchStream:
            lateFrames += 1
            return error.streamID <= lastStream && lateFrames <= Self.mostLateFrames
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.StreamClosed, is NIOHTTP2Errors.BadStreamStateTransition,
            is NIOHTTP2Errors.ContentLengthViolated, is NIOHTTP2Errors.ContentLengthHeadersMismatch,
            is NIOHTTP2Errors.ContentLengthHeaderNegative, is NIOHTTP2Errors.ContentLengthHeaderMalformedValue,
            is NIOHTTP2Errors.TrailersWithoutEndStream, is NIOHTTP2Errors.InvalidPseudoHeaders,
            is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.UnknownPseudoHeader, is NIOHTTP2Errors.UnsupportedPseudoHeader,
            is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue,
            is NIOHTTP2Errors.InvalidPseudoHeaderValue, is NIOHTTP2Errors.ForbiddenHeaderField:
            return true
        default: return false
        }
    }
}
