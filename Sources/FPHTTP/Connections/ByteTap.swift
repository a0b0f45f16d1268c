import NIOCore

/// Sees the bytes before they are parsed: to time and measure heads, and to drop what nobody will parse.
final class ByteTap: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    // The pipeline holds both for as long as either gets events.
    private unowned let connection: Connection

    init(connection: Connection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if connection.takes(buffer) {
            context.fireChannelRead(data)
        }
    }
}
