import CCurl
import Glibc

/// Moves all transfers of an engine, on one thread. Everything in here happens on that thread.
final class Driver {
    private let engine: Engine
    private let multi: UnsafeMutableRawPointer
    private let settings: TransportSettings
    private var active: [ObjectIdentifier: Transfer] = [:]
    private var idleHandles: [UnsafeMutableRawPointer] = []
    private var isStopping = false

    private init(_ engine: Engine, _ multi: UnsafeMutableRawPointer, _ settings: TransportSettings) {
        self.engine = engine
        self.multi = multi
        self.settings = settings
    }

    static func run(_ engine: Engine, multi address: UInt, _ settings: TransportSettings) {
        guard let multi = UnsafeMutableRawPointer(bitPattern: address) else { return }
        // One transfer per connection: a paused one must not hold the others back.
        fp_curl_multi_setopt_long(multi, CURLMOPT_PIPELINING, 0)
        fp_curl_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, settings.maxConnections)
        let driver = Driver(engine, multi, settings)
        driver.loop()
        driver.stop()
    }

    private func loop() {
        while true {
            for message in engine.drain() { handle(message) }
            if isStopping { return }
            var running: CInt = 0
            var code = curl_multi_perform(multi, &running)
            collect()
            if code == CURLM_OK { code = curl_multi_poll(multi, nil, 0, 60_000, nil) }
            if code != CURLM_OK { recover(from: code) }
        }
    }

    private func handle(_ message: Engine.Message) {
        switch message {
        case .start(let request, let exchange): start(request, exchange)
        case .proceed(let exchange):
            guard let transfer = active[ObjectIdentifier(exchange)] else { return }
            let code = curl_easy_pause(transfer.easy, CURLPAUSE_CONT)
            if code != CURLE_OK { end(transfer, with: code) }
        case .abort(let exchange):
            guard let transfer = active[ObjectIdentifier(exchange)] else { return }
            end(transfer, with: CURLE_ABORTED_BY_CALLBACK)
        case .stop: isStopping = true
        }
    }

    private func start(_ request: Engine.Request, _ exchange: Exchange) {
        guard let easy = idleHandles.popLast() ?? curl_easy_init() else {
            exchange.finish(Exchange.End(code: CURLE_OUT_OF_MEMORY))
            return
        }
        let transfer = Transfer(request, exchange, easy)
        do throws(EasyOptions.Refused) {
            try transfer.prepare(settings)
            guard curl_multi_add_handle(multi, easy) == CURLM_OK else {
                throw EasyOptions.Refused(option: CURLOPT_URL, code: CURLE_OUT_OF_MEMORY)
            }
            active[ObjectIdentifier(exchange)] = transfer
        } catch {
            curl_easy_cleanup(easy)
            exchange.finish(
                Exchange.End(
                    code: error.code,
                    text: "libcurl refuses option \(error.option.rawValue): "
                        + String(cString: curl_easy_strerror(error.code))))
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

    private func end(_ transfer: Transfer, with code: CURLcode) {
        curl_multi_remove_handle(multi, transfer.easy)
        active[ObjectIdentifier(transfer.exchange)] = nil
        transfer.exchange.finish(Exchange.End(code: code, text: transfer.problemText(code)))
        if idleHandles.count < 64 {
            curl_easy_reset(transfer.easy)
            idleHandles.append(transfer.easy)
        } else {
            curl_easy_cleanup(transfer.easy)
        }
    }

    /// libcurl is out of memory or descriptors: nothing under way can be trusted to go on, later requests may.
    private func recover(from code: CURLMcode) {
        for transfer in Array(active.values) { end(transfer, with: CURLE_OUT_OF_MEMORY) }
        // Not at once again, should it fail for good.
        poll(nil, 0, 100)
    }

    private func stop() {
        for transfer in Array(active.values) { end(transfer, with: CURLE_ABORTED_BY_CALLBACK) }
        for easy in idleHandles { curl_easy_cleanup(easy) }
        // Before the handle is gone, so that nobody wakes it any more.
        engine.announceEnd()
        curl_multi_cleanup(multi)
    }
}
