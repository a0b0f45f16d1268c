import FPCurl
import FPPluginKit
import Glibc

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

    private struct State {
        var driver: Driver?
        /// Requests under way that nobody waits for.
        var background: [Exchange] = []
    }

    private let state = Monitor(State())
    private let settings: TransportSettings

    init(_ settings: TransportSettings) { self.settings = settings }

    /// Starts a request. The first one starts the thread too: a process that only looks at the plugin has none.
    func start(_ request: Request) throws(PluginError) -> Exchange {
        let exchange = Exchange(request.sink)
        let driver = try state.withLock { state throws(PluginError) in
            if let driver = state.driver { return driver }
            let driver = try launch()
            state.driver = driver
            return driver
        }
        let isStarted = driver.start(exchange) { [settings] in Transfer(request, exchange, settings) }
        if !isStarted { exchange.finish(.stopped) }
        return exchange
    }

    /// Starts a request whose reply nobody waits for, such as the removal of what is left over.
    func startInBackground(_ request: Request) {
        guard let exchange = try? start(request) else { return }
        state.withLock { state in
            state.background.removeAll { $0.hasEnded }
            state.background.append(exchange)
        }
    }

    func proceed(_ exchange: Exchange) { state.withLock { $0.driver }?.proceed(exchange) }

    /// Ends an exchange, whose result is then of no interest.
    func abort(_ exchange: Exchange) { state.withLock { $0.driver }?.abort(exchange) }

    /// Gives requests in the background a moment, then ends everything.
    func stop() {
        let end = ContinuousClock.now + .seconds(2)
        for exchange in state.withLock({ $0.background }) {
            _ = exchange.waitForEnd(atMost: max(.zero, end - .now))
        }
        guard let driver = state.withLock({ $0.driver }) else { return }
        let hasEnded = Monitor(false)
        driver.stop { hasEnded.withLock { $0 = true } }
        _ = hasEnded.wait(atMost: .seconds(2)) { $0 ? true : nil }
    }

    private func launch() throws(PluginError) -> Driver {
        var limits = Driver.Limits()
        limits.idleConnections = settings.maxConnections
        limits.idleHandles = 64
        do throws(CurlFailure) {
            return try Driver(limits)
        } catch {
            throw error.reason == .noThread
                ? PluginError(.transient, "no thread can be started; raise the limit of threads", errno: EAGAIN)
                : PluginError(.noMemory, "libcurl cannot start: \(error.text)")
        }
    }
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
