import CCurl
import FPPluginKit
import FPThreads
import Glibc
import Synchronization

/// Makes HTTP requests: one thread with one libcurl multi handle, so that all of a store's requests share connections,
/// and parts move while nobody calls.
final class Engine: Sendable {
    /// What is to be sent.
    struct Request: Sendable {
        var method: String
        var url: String
        var headers: [(name: String, value: String)]
        var body = RequestBody.none
        var sink = Exchange.Sink.collect
        /// How long a connection may take; nil for the settings' own time.
        var connectTimeout: Duration?
        /// False for the addresses of this machine's own services.
        var usesProxy = true
    }

    enum Message: Sendable {
        case start(Request, Exchange)
        /// The reader made room.
        case proceed(Exchange)
        case abort(Exchange)
        case stop
    }

    private struct State {
        var messages: [Message] = []
        /// The multi handle, while there is a thread to drive it.
        var multi: UInt?
        /// Requests under way that nobody waits for.
        var background: [Exchange] = []
    }

    private let state = Monitor(State())
    private let settings: TransportSettings

    init(_ settings: TransportSettings) { self.settings = settings }

    /// Starts a request. The first one starts the thread too: a process that only looks at the plugin has none.
    func start(_ request: Request) throws(PluginError) -> Exchange {
        let exchange = Exchange(request.sink)
        try state.withLock { state throws(PluginError) in
            if state.multi == nil { state.multi = try launch() }
            post(.start(request, exchange), &state)
        }
        return exchange
    }

    /// Starts a request whose reply nobody waits for, such as the removal of what is left over.
    func startInBackground(_ request: Request) {
        guard let exchange = try? start(request) else { return }
        state.withLock { state in
            state.background.removeAll { $0.ended != nil }
            state.background.append(exchange)
        }
    }

    func proceed(_ exchange: Exchange) { state.withLock { post(.proceed(exchange), &$0) } }

    /// Ends an exchange, whose result is then of no interest.
    func abort(_ exchange: Exchange) { state.withLock { post(.abort(exchange), &$0) } }

    /// Gives requests in the background a moment, then ends everything.
    func stop() {
        let end = ContinuousClock.now + .seconds(2)
        for exchange in state.withLock({ $0.background }) {
            _ = exchange.waitForEnd(atMost: max(.zero, end - .now))
        }
        state.withLock { post(.stop, &$0) }
        _ = state.wait(atMost: .seconds(2)) { $0.multi == nil ? true : nil }
    }

    // MARK: - The driver's side

    func drain() -> [Message] {
        state.withLock { state in
            defer { state.messages.removeAll(keepingCapacity: true) }
            return state.messages
        }
    }

    func announceEnd() {
        let left = state.withLock { state in
            state.multi = nil
            defer { state.messages = [] }
            return state.messages
        }
        for case .start(_, let exchange) in left { exchange.finish(Exchange.End(code: CURLE_ABORTED_BY_CALLBACK)) }
    }

    private func post(_ message: Message, _ state: inout State) {
        guard let address = state.multi else { return }
        state.messages.append(message)
        // With the lock held, so that the handle cannot be freed in between.
        curl_multi_wakeup(UnsafeMutableRawPointer(bitPattern: address))
    }

    private func launch() throws(PluginError) -> UInt {
        guard let multi = closingOnExec({ curl_multi_init() }) else {
            throw PluginError(.noMemory, "libcurl is out of memory")
        }
        let address = UInt(bitPattern: multi)
        let settings = settings
        let started = DetachedThread.start { Driver.run(self, multi: address, settings) }
        guard started else {
            curl_multi_cleanup(multi)
            throw PluginError(.transient, "no thread can be started; raise the limit of threads", errno: EAGAIN)
        }
        return address
    }
}

extension Exchange.End {
    init(code: CURLcode) { self.init(code: code, text: String(cString: curl_easy_strerror(code))) }
}

/// What is sent with a request.
enum RequestBody: Sendable {
    case none
    case bytes([UInt8])
    /// The bytes of a part so far, which do not change meanwhile, and some more.
    case part(PartBuffer?, suffix: [UInt8])

    var count: Int {
        switch self {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .part(let part, let suffix): (part?.count ?? 0) + suffix.count
        }
    }

    /// Copies what follows `offset`, as much as fits.
    /// - Returns: how many bytes; negative if they cannot be read.
    func copy(from offset: Int, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch self {
        case .none: return 0
        case .bytes(let bytes): return Self.copy(bytes, from: offset, to: buffer)
        case .part(let part, let suffix):
            let left = (part?.count ?? 0) - offset
            guard let part, left > 0 else { return Self.copy(suffix, from: -left, to: buffer) }
            return part.copy(from: offset, to: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(left)))
        }
    }

    private static func copy(_ bytes: [UInt8], from offset: Int, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        let piece = bytes.dropFirst(offset).prefix(buffer.count)
        buffer.copyBytes(from: piece)
        return piece.count
    }
}
