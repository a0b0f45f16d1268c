import CCurl

/// A multi handle of libcurl, which drives several requests at once. One thread at a time may use it; only `wake` may
/// be called from any thread.
package final class MultiHandle: @unchecked Sendable {
    // `@unchecked Sendable`: the rule above is libcurl's own for its handle, and callers keep to it.
    private let raw: UnsafeMutableRawPointer
    /// What was open before the first name lookup since the last `perform`; nil if there was no lookup.
    private var beforeLookup: OpenDescriptors?

    /// Makes a handle.
    /// - Parameter idleConnections: how many connections are kept at most; nil for libcurl's default.
    init(idleConnections: Int? = nil) throws(CurlFailure) {
        try LibCurl.start()
        let before = OpenDescriptors()
        guard let raw = curl_multi_init() else { throw .exhausted }
        before.closeNewerOnExec()
        self.raw = raw
        // One request per connection: a paused one must not hold the others back.
        fp_curl_multi_setopt_long(raw, CURLMOPT_PIPELINING, 0)
        if let idleConnections { fp_curl_multi_setopt_long(raw, CURLMOPT_MAXCONNECTS, idleConnections) }
    }

    deinit { curl_multi_cleanup(raw) }

    /// Starts a request, which ``EasyHandle/prepare(_:_:)`` has set up.
    func add(_ easy: EasyHandle) throws(CurlFailure) {
        try check(curl_multi_add_handle(raw, easy.raw))
        easy.multi = self
    }

    /// Removes a request, whether it has ended or not.
    func remove(_ easy: EasyHandle) {
        curl_multi_remove_handle(raw, easy.raw)
        easy.multi = nil
    }

    /// Does what can be done for the requests without waiting.
    /// - Returns: the requests that have ended; the caller has to remove them.
    func perform() throws(CurlFailure) -> [(easy: EasyHandle, code: CURLcode)] {
        var running: CInt = 0
        let code = curl_multi_perform(raw, &running)
        beforeLookup?.closeNewerOnExec()
        beforeLookup = nil
        try check(code)
        var ended: [(easy: EasyHandle, code: CURLcode)] = []
        var left: CInt = 0
        while let message = curl_multi_info_read(raw, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle.flatMap(EasyHandle.of)
            else { continue }
            ended.append((easy, fp_curl_message_result(message)))
        }
        return ended
    }

    /// Waits until a request can go on, `wake` is called, a timeout of libcurl's own is due, or `limit` has passed.
    func wait(atMost limit: Duration) throws(CurlFailure) {
        try check(curl_multi_poll(raw, nil, 0, CInt(clamping: limit.milliseconds), nil))
    }

    /// Ends the current `wait`, or else the next one. From any thread.
    func wake() { curl_multi_wakeup(raw) }

    /// Notes that libcurl is about to open the descriptors by which a lookup's thread tells of its end.
    func lookupBegins() { if beforeLookup == nil { beforeLookup = OpenDescriptors() } }

    private func check(_ code: CURLMcode) throws(CurlFailure) {
        guard code == CURLM_OK else { throw CurlFailure(code) }
    }
}

extension EasyOptions {
    /// Makes the request, and returns when it has ended. Blocks the thread.
    package func perform(_ delegate: any EasyDelegate) throws(CurlFailure) {
        let multi = try MultiHandle()
        let easy = try EasyHandle()
        try easy.prepare(self, delegate)
        try multi.add(easy)
        defer { multi.remove(easy) }
        while true {
            if let (_, code) = try multi.perform().first {
                guard let failure = easy.failure(code) else { return }
                throw failure
            }
            try multi.wait(atMost: .seconds(60))
        }
    }
}
