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
        case .closed: nil
        case .lingering(let since, _): since + TimeAmount(timeouts.linger)
        case .open: if let exchange { due(exchange) } else { head.due(timeouts) }
        }
    }

    private func due(_ exchange: Exchange) -> NIODeadline? {
        var due: NIODeadline?
        if exchange.arrival.isTimed {
            due = bodyClock.due(idle: TimeAmount(timeouts.bodyIdle))
        }
        if exchange.response.isTimed {
            due = min(due ?? .distantFuture, writeClock.due(idle: TimeAmount(timeouts.writeIdle)))
            due = min(due ?? .distantFuture, exchange.file?.checkDue ?? .distantFuture)
        }
        if let inputEnded {
            due = min(due ?? .distantFuture, inputEnded + TimeAmount(timeouts.halfClosed))
        }
        return due
    }

    private func checkTimes() {
        let now = NIODeadline.now()
        if let due = due(), due <= now {
            act(at: now)
        }
        armTimer()
    }

    private func act(at now: NIODeadline) {
        switch phase {
        case .open:
            if let exchange {
                check(exchange, at: now)
            } else if head.hasBegun {
                fail(parsing: .slowHead)
            } else {
                close()
            }
        case .lingering, .closed:
            close()
        }
    }

    private func check(_ exchange: Exchange, at now: NIODeadline) {
        if let due = exchange.file?.checkDue, due <= now, exchange.file?.isWhole(at: now) == false {
            abortShortFile(exchange)
            return
        }
        let write = TimeAmount(timeouts.writeIdle)
        if exchange.response.isTimed,
            writeClock.isStalled(at: now, idle: write, pending: context?.unacknowledgedBytes ?? 0)
        {
            abort(exchange.serial)
            return
        }
        if exchange.file != nil, let ended = inputEnded {
            // A piece of a file may be on its way for long.
            inputEnded = max(ended, writeClock.lastProgress)
        }
        if let inputEnded, inputEnded + TimeAmount(timeouts.halfClosed) <= now {
            close()
            return
        }
        let idle = TimeAmount(timeouts.bodyIdle)
        let rate = server.configuration.limits.minimumBodyRate
        guard exchange.arrival.isTimed, bodyClock.due(idle: idle).map({ $0 <= now }) ?? false,
            bodyClock.isTooSlow(at: now, idle: idle, minimumRate: rate)
        else {
            return
        }
        if exchange.response.isSent {
            close()
            return
        }
        exchange.arrival.ranTooSlowly()
        exchange.closeAfterwards()
        exchange.body.fail(.tooSlow)
    }
}
