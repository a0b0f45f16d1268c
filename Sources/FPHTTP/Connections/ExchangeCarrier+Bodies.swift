import NIOCore

// The bodies of requests, from the parser to their readers.
extension ExchangeCarrier {
    /// How long bytes may wait for more before the reader is told of them.
    private static let patience = TimeAmount.milliseconds(1)

    func takeBody(_ buffer: ByteBuffer) {
        guard let exchange else {
            return
        }
        exchange.record.bytesIn += Int64(buffer.readableBytes)
        updateWindow(exchange)
        switch exchange.arrival.bytesArrived(isMemoryExhausted: server.budget.isOverrun) {
        case .drop:
            return
        case .giveUp:
            exchange.body.fail(.truncated(received: exchange.record.bytesIn, expected: exchange.contentLength))
            exchange.closeAfterwards()
        case .deliver:
            bodyClock.note(bytes: buffer.readableBytes, at: .now())
            let demand = exchange.body.receive(buffer)
            if demand != .gather { gathering = nil }
            switch demand {
            case .more: break
            case .gather: gather()
            case .hold: if exchange.arrival.readerIsFull() { bodyClock.pause(at: .now()) }
            }
        }
    }

    /// Leaves the reader asleep for a moment, as one wake-up for a large piece of a fast body costs no more than one for
    /// a small piece.
    private func gather() {
        guard gathering == nil else { return }
        let due = NIODeadline.now() + Self.patience
        gathering = due
        if !isGatheringTimed { timeGathering(due) }
    }

    private func timeGathering(_ due: NIODeadline) {
        guard let handle, (try? handle.eventLoop.scheduleCallback(at: due, handler: handle)) != nil else {
            exchange?.body.announce()
            return
        }
        isGatheringTimed = true
    }

    /// The moment is over; but the timer may be that of bytes before the last.
    func endGathering() {
        isGatheringTimed = false
        guard let due = gathering else { return }
        if due > .now() {
            timeGathering(due)
        } else {
            gathering = nil
            exchange?.body.announce()
        }
    }

    func endBody() {
        guard let exchange else {
            return
        }
        exchange.arrival.ended()
        gathering = nil
        inputEnded(of: exchange)
        exchange.body.finish()
        if exchange.response.isSent {
            complete(exchange)
        }
    }

    /// The reader asks for a body of which nothing is there: a client that waits for a 100 gets it.
    func beginBody(_ serial: Int) {
        guard let exchange = awaited(serial), exchange.arrival.readerBegan() else {
            return
        }
        bodyClock.start(at: .now())
        armTimer()
        sendInterim(.continue, [:])
    }

    /// The reader has room, or wants no more at all.
    func resumeBody(_ serial: Int) {
        guard let exchange, exchange.serial == serial, exchange.arrival.readerHasRoom() else {
            return
        }
        bodyClock.resume(at: .now())
        armTimer()
        updateReading()
    }

    /// Drops the rest of a body that nobody wants.
    func discardBody(_ exchange: Exchange) {
        guard exchange.arrival.discard() else {
            return
        }
        exchange.body.stop()
        bodyClock.start(at: .now())
        armTimer()
        updateReading()
    }
}
