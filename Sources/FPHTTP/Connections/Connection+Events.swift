import NIOCore
import NIOHTTP1

// What the channel tells the connection.
extension Connection: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = IOData

    /// Puts what reads HTTP/1 in front.
    func addParser(to pipeline: ChannelPipeline.SynchronousOperations) throws {
        var parsing = NIOHTTPDecoderLimitConfiguration()
        let limits = server.configuration.limits
        // A target that is a little too long is read, and then refused as what it is.
        parsing.maxHeaderFieldSize = max(limits.headers, 2 * limits.target)
        parsing.maxHeaderListSize = limits.headers + limits.target
        parsing.maxHeaderFieldCount = limits.headerCount
        try pipeline.addHandlers(
            ByteTap(connection: self), ByteToMessageHandler(HTTPRequestDecoder(limitConfiguration: parsing)),
            position: .before(self))
    }

    func handlerAdded(context: ChannelHandlerContext) {
        attach(to: context)
        let executor = server.executor(of: context.eventLoop)
        let registration = ConnectionHandle(self, eventLoop: context.eventLoop, executor: executor)
        self.registration = registration
        server.connections.insert(registration)
        armTimer()
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
