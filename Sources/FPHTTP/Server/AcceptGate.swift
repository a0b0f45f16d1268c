import Logging
import NIOCore

/// A handler on the listening socket: accepts up to the limit of connections, and pauses when the system refuses.
final class AcceptGate: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    private static let rest = TimeAmount.milliseconds(500)

    private let server: ServerCore
    private var isReadDue = false
    private var isResting = false
    private var isAutoReadOff = false

    init(server: ServerCore) {
        self.server = server
    }

    func read(context: ChannelHandlerContext) {
        guard !isResting else {
            isReadDue = true
            return
        }
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        let later = NIOLoopBound(context, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        if server.connections.hasRoom(orLater: { eventLoop.execute { gate.value.readIfDue(later.value) } }) {
            accept(context)
        } else {
            isReadDue = true
            server.logger.warning("All \(server.configuration.limits.connections) connections are taken; more wait.")
        }
    }

    /// Out of file descriptors, as a rule: trying again at once would only spin.
    ///
    /// The read that failed stays pending in the channel, which would try again by itself. Without `autoRead` it waits.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.error("A connection could not be accepted: \(error).")
        isResting = true
        isReadDue = true
        setAutoRead(context, to: false)
        let later = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.rest) { [self] in
            isResting = false
            readIfDue(later.value)
        }
    }

    private func readIfDue(_ context: ChannelHandlerContext) {
        if isReadDue {
            isReadDue = false
            read(context: context)
        }
    }

    private func accept(_ context: ChannelHandlerContext) {
        if isAutoReadOff {
            // Switching it on reads.
            setAutoRead(context, to: true)
        } else {
            context.read()
        }
    }

    private func setAutoRead(_ context: ChannelHandlerContext, to isOn: Bool) {
        isAutoReadOff = !isOn
        do {
            try context.channel.syncOptions?.setOption(.autoRead, value: isOn)
        } catch {
            // A channel that is closed has no options, and accepts nothing more.
            server.logger.debug("The listening socket is closed: \(error).")
        }
    }
}
