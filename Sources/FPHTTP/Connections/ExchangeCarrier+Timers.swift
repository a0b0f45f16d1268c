import NIOCore

// The clocks of an exchange: that its body comes, and that its response is taken.
extension ExchangeCarrier {
    func due(_ exchange: Exchange) -> NIODeadline? {
        let timeouts = server.configuration.timeouts
        var due: NIODeadline?
        if exchange.arrival.isTimed {
            due = bodyClock.due(idle: TimeAmount(timeouts.bodyIdle))
        }
        if exchange.response.isTimed {
            due = min(due ?? .distantFuture, writeClock.due(idle: TimeAmount(timeouts.writeIdle)))
            due = min(due ?? .distantFuture, exchange.file?.checkDue ?? .distantFuture)
        }
        return due
    }

    /// Looks whether the client takes too little or sends too little, and ends the exchange or its body if so.
    func check(_ exchange: Exchange, at now: NIODeadline) {
        if let due = exchange.file?.checkDue, due <= now, exchange.file?.isWhole(at: now) == false {
            abortShortFile(exchange)
            return
        }
        let timeouts = server.configuration.timeouts
        if exchange.response.isTimed,
            writeClock.isStalled(at: now, idle: TimeAmount(timeouts.writeIdle), pending: unacknowledgedBytes)
        {
            abort(exchange.serial)
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
            giveUpInput(of: exchange)
            return
        }
        exchange.arrival.ranTooSlowly()
        exchange.closeAfterwards()
        exchange.body.fail(.tooSlow)
    }
}
