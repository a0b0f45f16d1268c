import CCurl
import Glibc
import Logging
import NIOCore

/// Moves all transfers, on one thread, with one libcurl multi handle.
///
/// Everything in here happens on that thread. The rest of the process talks to it through the mailbox, and hears
/// from it through the exchanges.
final class Driver {
    private let multi: UnsafeMutableRawPointer
    private let settings: FetchSettings
    private let mailbox: Mailbox
    private var active: [ObjectIdentifier: Transfer] = [:]
    private var waiting = CircularBuffer<Mailbox.Request>()
    private var isStopping = false

    private init(multi: UnsafeMutableRawPointer, settings: FetchSettings, mailbox: Mailbox) {
        self.multi = multi
        self.settings = settings
        self.mailbox = mailbox
    }

    /// Drives the transfers of a mailbox until it is told to stop.
    static func run(_ mailbox: Mailbox, settings: FetchSettings) {
        guard let multi = mailbox.multi else { return }
        let driver = Driver(multi: multi, settings: settings, mailbox: mailbox)
        driver.loop()
        driver.stop()
    }

    private func loop() {
        while true {
            for message in mailbox.drain() { handle(message) }
            if isStopping { return }
            admit()
            var running: CInt = 0
            var code = curl_multi_perform(multi, &running)
            collect()
            admit()
            if code == CURLM_OK { code = curl_multi_poll(multi, nil, 0, patience, nil) }
            if code != CURLM_OK { recover(from: code) }
        }
    }

    private func handle(_ message: Mailbox.Message) {
        switch message {
        case .start(let request):
            if active.count + waiting.count >= settings.limits.concurrency + settings.limits.waiting {
                request.exchange.finish(FetchError(.busy, detail: "\(waiting.count) fetches are waiting"))
            } else {
                waiting.append(request)
            }
        case .proceed(let exchange):
            guard let transfer = active[ObjectIdentifier(exchange)] else { return }
            let code = transfer.proceed()
            if code != CURLE_OK { end(transfer, with: code) }
        case .abort(let exchange):
            abort(exchange)
        case .stop:
            isStopping = true
        }
    }

    /// Starts what there is a place for, and turns away what waited until its deadline.
    private func admit() {
        let now = ContinuousClock.now
        waiting.removeAll { request in
            guard request.deadline <= now else { return false }
            request.exchange.finish(FetchError(.busy, detail: "no place came free in time"))
            return true
        }
        while active.count < settings.limits.concurrency, let request = waiting.popFirst() {
            do throws(FetchError) {
                let transfer = try Transfer(request, settings: settings)
                try transfer.prepare()
                try add(transfer)
            } catch {
                request.exchange.finish(error)
            }
        }
    }

    private func add(_ transfer: Transfer) throws(FetchError) {
        let code = curl_multi_add_handle(multi, transfer.easy)
        guard code == CURLM_OK else {
            throw FetchError(.unreachable, detail: "libcurl cannot start: \(text(code))")
        }
        active[ObjectIdentifier(transfer.exchange)] = transfer
    }

    private func remove(_ transfer: Transfer) {
        curl_multi_remove_handle(multi, transfer.easy)
        active[ObjectIdentifier(transfer.exchange)] = nil
    }

    private func abort(_ exchange: Exchange) {
        if let transfer = active[ObjectIdentifier(exchange)] {
            // A lookup cannot be stopped, it goes on in a thread of libcurl's. To let go of it would let a client
            // that gives up at once have any number of them.
            if transfer.isResolving {
                transfer.isAbandoned = true
            } else {
                remove(transfer)
            }
        } else {
            waiting.removeAll { $0.exchange === exchange }
        }
    }

    /// Deals with the transfers that have ended.
    private func collect() {
        var left: CInt = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                let transfer = Transfer.of(easy)
            else { continue }
            end(transfer, with: fp_curl_message_result(message))
        }
    }

    /// Takes a hop's end for what it is: the file's end, a failure or the start of the next hop.
    private func end(_ transfer: Transfer, with result: CURLcode) {
        remove(transfer)
        do throws(FetchError) {
            switch try transfer.conclude(result) {
            case .done:
                transfer.exchange.finish()
            case .next:
                try transfer.prepare()
                try add(transfer)
            }
        } catch {
            transfer.exchange.finish(error)
        }
    }

    /// How long to wait for something to happen, in milliseconds; libcurl knows the deadlines of its own.
    private var patience: CInt {
        guard let next = waiting.map(\.deadline).min() else { return 60_000 }
        return CInt(min(max(ContinuousClock.now.duration(to: next).milliseconds, 0), 60_000))
    }

    /// libcurl is out of memory or descriptors: nothing under way can be trusted to go on, later fetches may.
    private func recover(from code: CURLMcode) {
        settings.logger.error("remote fetches failed: \(text(code))")
        for transfer in active.values {
            remove(transfer)
            transfer.exchange.finish(FetchError(.unreachable, detail: text(code)))
        }
        // Not at once again, should it fail for good.
        poll(nil, 0, 100)
    }

    private func stop() {
        let error = FetchError(.shutDown, detail: "the fetcher was shut down")
        for transfer in active.values {
            remove(transfer)
            transfer.exchange.finish(error)
        }
        for request in waiting { request.exchange.finish(error) }
        for case .start(let request) in mailbox.close() { request.exchange.finish(error) }
        curl_multi_cleanup(multi)
        mailbox.announceEnd()
    }

    private func text(_ code: CURLMcode) -> String {
        String(cString: curl_multi_strerror(code))
    }
}
