import NIOCore
import NIOSSL

extension ChannelHandlerContext {
    /// Closes the socket, without a word that TLS would have the other side take for the end of what it gets.
    func cut() {
        let encryption = try? pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (encryption ?? self).close(promise: nil)
    }
}
