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

    private let state = State()
    private let listener: Listener

    /// Shared with the threads of connections, which do not keep the proxy alive.
    private final class State: Sendable {
        struct Values {
            var weather = Weather()
            var generation = 0
            var connections = 0
            var bytesUp = 0
            var isOver = false
        }

        private let values = Mutex(Values())

        func with<Result>(_ body: (inout Values) -> Result) -> Result { values.withLock { body(&$0) } }

        /// - Returns: how many of `count` bytes may still go; fewer mean that the connection breaks.
        func spend(_ count: Int, _ budget: WritableKeyPath<Weather, Int?>) -> Int {
            with { values in
                guard let left = values.weather[keyPath: budget] else { return count }
                guard left < count else {
                    values.weather[keyPath: budget] = left - count
                    return count
                }
                values.weather[keyPath: budget] = nil
                return left
            }
        }
    }

    init(to target: UInt16) {
        listener = Listener { [state] client in
            client.resetWhenClosed()
            let (refuses, generation) = state.with {
                $0.connections += 1
                return ($0.weather.refuses || $0.isOver, $0.generation)
            }
            guard !refuses, let server = Socket(port: target) else { return }
            server.resetWhenClosed()
            // What was carried so far has been sent when this returns, or is dropped with the connection.
            Self.carry(client, server, generation, state)
        }
    }

    var port: UInt16 { listener.port }

    /// Ends the proxy; what still goes through it breaks.
    func stop() { state.with { $0.isOver = true } }

    func set(_ change: (inout Weather) -> Void) { state.with { change(&$0.weather) } }

    /// Breaks all connections that there are.
    func cut() { state.with { $0.generation += 1 } }

    /// How many connections there have been.
    var connections: Int { state.with { $0.connections } }

    /// How many bytes have gone to the server.
    var bytesUp: Int { state.with { $0.bytesUp } }

    private static func carry(_ client: Socket, _ server: Socket, _ generation: Int, _ state: State) {
        for socket in [client, server] { _ = fcntl(socket.descriptor, F_SETFL, O_NONBLOCK) }
        var up = Lane(from: client, to: server)
        var down = Lane(from: server, to: client)
        while true {
            let (weather, isCut) = state.with { ($0.weather, $0.isOver || $0.generation != generation) }
            if isCut { return }
            if weather.isStalled {
                usleep(5000)
                continue
            }
            let isUp = up.step(weather) { count in
                let allowed = state.spend(count, \.cutAfterUp)
                state.with { $0.bytesUp += allowed }
                return allowed
            }
            let isDown = down.step(weather) { count in state.spend(count, \.cutAfterDown) }
            guard isUp, isDown else { return }
            if !up.moved, !down.moved {
                // What waits for its time, or for room, is looked at every millisecond.
                var pollers = [up.poller, down.poller]
                poll(&pollers, 2, up.isEmpty && down.isEmpty ? 20 : 1)
            }
        }
    }
}

/// One direction of a connection.
private struct Lane {
    private let source: Socket
    private let sink: Socket
    private var waiting: [(due: Int64, bytes: [UInt8])] = []
    private var held = 0
    private var nextSend: Int64 = 0
    private var hasEnded = false
    private(set) var moved = false

    /// Bytes on the way at most: a long line holds as much as fits in its delay.
    private static let limit = 16 << 20

    init(from source: Socket, to sink: Socket) {
        self.source = source
        self.sink = sink
    }

    var isEmpty: Bool { waiting.isEmpty }
    var poller: pollfd {
        pollfd(fd: held < Self.limit && !hasEnded ? source.descriptor : -1, events: Int16(POLLIN), revents: 0)
    }

    /// - Returns: false if the connection has to break.
    mutating func step(_ weather: TCPProxy.Weather, _ spend: (Int) -> Int) -> Bool {
        moved = false
        let now = monotonic()
        if held < Self.limit, !hasEnded {
            var buffer = [UInt8](repeating: 0, count: 256 << 10)
            let count = recv(source.descriptor, &buffer, buffer.count, 0)
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
            let sent = send(sink.descriptor, first.bytes, allowed, Int32(MSG_NOSIGNAL))
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
