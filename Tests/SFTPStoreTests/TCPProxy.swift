import Glibc
import PluginTestKit
import Synchronization

/// A network of the tests' own between a store and its server: it delays, slows down, stalls and cuts.
final class TCPProxy: Sendable {
    /// How the network behaves, from now on and for all connections.
    struct Weather: Sendable {
        /// One way, in milliseconds.
        var delay: Int64 = 0
        /// In each direction of each connection.
        var bytesPerSecond: Int?
        /// Nothing arrives, and nobody learns why.
        var isStalled = false
        /// New connections are reset at once.
        var refuses = false
        /// After so many more bytes from the store, over all connections, the one that carries the last of them breaks.
        var cutAfterUp: Int?
        /// The same, for bytes from the server.
        var cutAfterDown: Int?
    }

    private struct State {
        var weather = Weather()
        var generation = 0
        var connections = 0
        var bytesUp = 0
        var isOver = false
    }

    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    init(to target: UInt16) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 128) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        guard isBound else { throw Problem("the proxy has no port: errno \(errno)") }
        port = UInt16(bigEndian: address.sin_port)
        startThread { [self] in acceptAll() }
    }

    /// Ends the proxy; what still goes through it breaks.
    func stop() {
        state.withLock { $0.isOver = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    func set(_ change: (inout Weather) -> Void) { state.withLock { change(&$0.weather) } }

    /// Breaks all connections that there are.
    func cut() { state.withLock { $0.generation += 1 } }

    /// How many connections there have been.
    var connections: Int { state.withLock { $0.connections } }

    /// How many bytes have gone to the server.
    var bytesUp: Int { state.withLock { $0.bytesUp } }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            if client < 0 {
                if state.withLock({ $0.isOver }) { break }
                continue
            }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let (refuses, generation) = state.withLock {
                $0.connections += 1
                return ($0.weather.refuses, $0.generation)
            }
            let server = refuses ? -1 : dial(target)
            guard server >= 0 else {
                reset(client)
                continue
            }
            startThread { [self] in carry(client, server, generation) }
        }
        close(listener)
    }

    private func carry(_ client: Int32, _ server: Int32, _ generation: Int) {
        var one: Int32 = 1
        for socket in [client, server] {
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
            setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        }
        var up = Lane(from: client, to: server)
        var down = Lane(from: server, to: client)
        while true {
            let (weather, isCut) = state.withLock { ($0.weather, $0.isOver || $0.generation != generation) }
            if isCut { break }
            if weather.isStalled {
                usleep(5000)
                continue
            }
            let isUp = up.step(weather) { count in
                let allowed = self.spend(count, \.cutAfterUp)
                state.withLock { $0.bytesUp += allowed }
                return allowed
            }
            let isDown = down.step(weather) { count in self.spend(count, \.cutAfterDown) }
            guard isUp, isDown else { break }
            if !up.moved, !down.moved {
                // What waits for its time, or for room, is looked at every millisecond.
                var pollers = [up.poller, down.poller]
                poll(&pollers, 2, up.isEmpty && down.isEmpty ? 20 : 1)
            }
        }
        // What was carried so far has been sent, or is dropped with the connection.
        reset(client)
        reset(server)
    }

    /// - Returns: how many of `count` bytes may still go; fewer mean that the connection breaks.
    private func spend(_ count: Int, _ budget: WritableKeyPath<Weather, Int?> & Sendable) -> Int {
        state.withLock { state in
            guard let left = state.weather[keyPath: budget] else { return count }
            guard left < count else {
                state.weather[keyPath: budget] = left - count
                return count
            }
            state.weather[keyPath: budget] = nil
            return left
        }
    }

    private func reset(_ socket: Int32) {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close(socket)
    }
}

/// One direction of a connection.
private struct Lane {
    let source: Int32
    let sink: Int32
    private var waiting: [(due: Int64, bytes: [UInt8])] = []
    private var held = 0
    private var nextSend: Int64 = 0
    private var hasEnded = false
    private(set) var moved = false

    /// Bytes on the way at most: a long line holds as much as fits in its delay.
    private static let limit = 16 << 20

    init(from source: Int32, to sink: Int32) {
        self.source = source
        self.sink = sink
    }

    var isEmpty: Bool { waiting.isEmpty }
    var poller: pollfd { pollfd(fd: held < Self.limit && !hasEnded ? source : -1, events: Int16(POLLIN), revents: 0) }

    /// - Returns: false if the connection has to break.
    mutating func step(_ weather: TCPProxy.Weather, _ spend: (Int) -> Int) -> Bool {
        moved = false
        let now = monotonic()
        if held < Self.limit, !hasEnded {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            let count = recv(source, &buffer, buffer.count, 0)
            if count > 0 {
                moved = true
                held += count
                waiting.append((now + weather.delay * 1_000_000, Array(buffer[..<count])))
            } else if count == 0 {
                hasEnded = true
            } else if errno != EAGAIN, errno != EINTR {
                return false
            }
        }
        while let first = waiting.first, first.due <= now, nextSend <= now {
            let slice = weather.bytesPerSecond.map { min(first.bytes.count, max(1, $0 / 100)) } ?? first.bytes.count
            let allowed = spend(slice)
            let sent = send(sink, first.bytes, allowed, Int32(MSG_NOSIGNAL))
            if allowed < slice { return false }
            if sent < 0 { return errno == EAGAIN || errno == EINTR }
            moved = moved || sent > 0
            held -= sent
            if sent == first.bytes.count { waiting.removeFirst() } else { waiting[0].bytes.removeFirst(sent) }
            if let rate = weather.bytesPerSecond { nextSend = now + Int64(sent) * 1_000_000_000 / Int64(rate) }
            if sent < slice { break }
        }
        return !(hasEnded && waiting.isEmpty)
    }
}

func monotonic() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}

/// A detached thread: what blocks must not block those of Swift's tasks.
func startThread(_ body: @escaping @Sendable () -> Void) {
    final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { work in
            guard let work else { return nil }
            Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Work(body)).toOpaque())
    precondition(result == 0, "pthread_create: \(result)")
    pthread_detach(thread)
}
