import NIOCore
import NIOTLS

/// Waits for the handshake of TLS, in which the client chooses between HTTP/2 and HTTP/1.1 (RFC 7301), and makes the
/// pipeline behind it.
final class ProtocolChoice: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let connection: Connection

    init(connection: Connection) {
        self.connection = connection
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let name) = event as? TLSUserEvent {
            choose(name, context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func choose(_ name: String?, _ context: ChannelHandlerContext) {
        let pipeline = context.pipeline.syncOperations
        do {
            if name == HTTP2Connection.protocolName {
                try HTTP2Connection.replace(connection, in: context.channel)
            } else {
                try connection.addParser(to: pipeline)
            }
            pipeline.removeHandler(self, promise: nil)
        } catch {
            // Only a channel that is closed already takes no handlers.
            context.close(promise: nil)
        }
    }
}
