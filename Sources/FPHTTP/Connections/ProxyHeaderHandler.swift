import NIOCore

/// Takes the header off the front of a connection that comes from a proxy which must send one, and goes.
///
/// It is the first handler, and only of such connections. The connection's own clock runs meanwhile: the header has to come
/// in the time that the first request's head has.
final class ProxyHeaderHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private enum State {
        case awaited
        /// What is left in the buffer, and what still comes, belongs to the next handler.
        case read
        case refused
    }

    private let connection: Connection
    private var received = ByteBuffer()
    private var state = State.awaited

    init(connection: Connection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .refused = state { return }
        received.writeBuffer(&bytes)
        guard case .awaited = state else { return }
        switch ProxyHeader(received.readableBytesView) {
        case .incomplete:
            break
        case .malformed:
            state = .refused
            connection.server.logger.notice(
                "\(connection.peer.name) is in server.proxy_protocol, and began a connection without a PROXY header")
            context.close(promise: nil)
        case .whole(let length, let client):
            state = .read
            received.moveReaderIndex(forwardBy: length)
            guard connection.learned(client) else {
                state = .refused
                context.close(promise: nil)
                return
            }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
        context.leavePipeline(removalToken: removalToken)
    }
}
