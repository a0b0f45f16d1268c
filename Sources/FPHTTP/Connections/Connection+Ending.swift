import NIOCore

// How the connection ends.
extension Connection: ServedConnection {
    /// Closes once everything written has gone out.
    ///
    /// Where the client may be sending, only the output closes at first: closing a socket with bytes unread resets
    /// it, and a reset can overtake the answer.
    func closeAfterAnswer(clientMaySend: Bool) {
        guard let context, isOpen else {
            return
        }
        queue.removeAll()
        guard clientMaySend, inputEnded == nil else {
            close()
            return
        }
        phase = .lingering(since: .now(), dropped: 0)
        armTimer()
        context.close(mode: .output, promise: nil)
        updateReading()
    }

    /// The client has closed its side: it sends no more, and may still wait for the answers to what it sent whole.
    func endInput() {
        switch phase {
        case .open where inputEnded == nil:
            inputEnded = .now()
            settleEndedInput()
            armTimer()
        case .lingering:
            close()
        case .closed:
            // Over TLS it is the client's answer to our own end, or what comes in its place.
            if isEncrypted { cut() }
        case .open:
            break
        }
    }

    /// Ends the connection in order.
    ///
    /// TLS tells the other side, waits for its answer for a few seconds, and goes on to deliver what that sends meanwhile: it
    /// is not listened to any more.
    func close() {
        guard let context else { return }
        guard isEncrypted else {
            context.close(promise: nil)
            return
        }
        end()
        // Not from within a write that ends just now: what TLS has to say at the end would wait for that one, and be lost.
        context.eventLoop.assumeIsolated().execute { [self] in
            self.context?.close(promise: nil)
        }
    }

    /// Closes the socket, without a word that TLS would have the other side take for the end of what it gets.
    func cut() {
        context?.cut()
    }

    /// Ends what waits for bytes that will not come.
    func settleEndedInput() {
        guard inputEnded != nil, isOpen, queue.isEmpty else {
            return
        }
        guard let exchange else {
            close()
            return
        }
        cutShort(exchange, .truncated(received: exchange.record.bytesIn, expected: exchange.contentLength))
    }

    /// The channel is closed, by whomever.
    func becomeClosed() {
        end()
        handle = nil
        if let registration {
            server.connections.remove(registration)
            self.registration = nil
            if let place { server.addresses.leave(place) }
        }
    }

    /// Takes nothing more in, and lets go of what is under way.
    private func end() {
        if case .closed = phase { return }
        phase = .closed
        cancelTimer()
        queue.removeAll()
        if let exchange {
            self.exchange = nil
            abandon(exchange)
        }
    }

    func drain() {
        switch phase {
        case .open:
            if let exchange {
                exchange.closeAfterwards()
                queue.removeAll()
            } else {
                closeAfterAnswer(clientMaySend: head.hasBegun)
            }
        case .lingering:
            close()
        case .closed:
            break
        }
    }

    func terminate() {
        if let exchange {
            exchange.body.fail(.cancelled)
            exchange.task?.cancel()
        }
        cut()
    }
}
