import Glibc
import NIOCore

// One timer per connection, set only when something earlier than before may be due, so that a busy connection hardly
// ever touches it.
extension Connection {
    func armTimer() {
        guard let due = due(), due < timerDue, let context else {
            return
        }
        timer?.cancel()
        timerDue = due
        timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { [self] in
            timer = nil
            timerDue = .distantFuture
            checkTimes()
        }
    }

    private var timeouts: HTTPServer.Timeouts { server.configuration.timeouts }

    private func due() -> NIODeadline? {
        switch phase {
        case .closed:
            return nil
        case .lingering:
            break
        case .open:
            if let exchange {
                return due(exchange)
            }
        }
        return switch wait {
        case .request(let since): since + TimeAmount(timeouts.idle)
        case .head(let since): since + TimeAmount(timeouts.head)
        case .linger(let since): since + TimeAmount(timeouts.linger)
        }
    }

    private func due(_ exchange: Exchange) -> NIODeadline? {
        var due: NIODeadline?
        if isBodyTimed(exchange) {
            due = bodyClock.due(idle: TimeAmount(timeouts.bodyIdle))
        }
        if isWriteTimed(exchange) {
            due = min(due ?? .distantFuture, writeClock.due(idle: TimeAmount(timeouts.writeIdle)))
        }
        if let inputEnded {
            due = min(due ?? .distantFuture, inputEnded + TimeAmount(timeouts.halfClosed))
        }
        return due
    }

    private func isBodyTimed(_ exchange: Exchange) -> Bool {
        !exchange.isInputWhole && !exchange.isTooSlow && !exchange.expectsContinue
    }

    private func isWriteTimed(_ exchange: Exchange) -> Bool {
        exchange.progress == .begun && (exchange.writer != nil || exchange.isEnding)
    }

    private func checkTimes() {
        let now = NIODeadline.now()
        if let due = due(), due <= now {
            act(at: now)
        }
        armTimer()
    }

    private func act(at now: NIODeadline) {
        if phase == .open, let exchange {
            check(exchange, at: now)
            return
        }
        if phase == .open, case .head = wait, hasHeadBegun {
            fail(parsing: .slowHead)
        } else {
            context?.close(promise: nil)
        }
    }

    private func check(_ exchange: Exchange, at now: NIODeadline) {
        let write = TimeAmount(timeouts.writeIdle)
        if isWriteTimed(exchange), writeClock.isStalled(at: now, idle: write, pending: unacknowledged) {
            abort(exchange.serial)
            return
        }
        if let inputEnded, inputEnded + TimeAmount(timeouts.halfClosed) <= now {
            context?.close(promise: nil)
            return
        }
        let idle = TimeAmount(timeouts.bodyIdle)
        let rate = server.configuration.limits.minimumBodyRate
        guard isBodyTimed(exchange), bodyClock.due(idle: idle).map({ $0 <= now }) ?? false,
            bodyClock.isTooSlow(at: now, idle: idle, minimumRate: rate)
        else {
            return
        }
        if exchange.progress == .sent {
            context?.close(promise: nil)
            return
        }
        exchange.isTooSlow = true
        exchange.keepsAlive = false
        exchange.body.fail(.tooSlow)
    }

    /// Bytes of what was written that the client's side has not acknowledged.
    private var unacknowledged: Int {
        guard let context, let options = context.channel.syncOptions else {
            return 0
        }
        let buffered = (try? options.getOption(.bufferedWritableBytes)) ?? 0
        let pipeline = context.pipeline.syncOperations
        let queued = try? pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { socket in
            var count: CInt = 0
            return ioctl(socket, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
        }
        return buffered + (queued.flatMap { $0 } ?? 0)
    }
}
