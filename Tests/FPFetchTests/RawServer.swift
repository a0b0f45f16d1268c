import Glibc
import Synchronization

/// A web server on bare sockets, with a thread per connection, that says exactly what a test tells it to say.
final class RawServer: Sendable {
    /// As it stands in a URL: `127.0.0.2:34567`, `[::1]:34567`.
    let authority: String
    let port: UInt16

    private let listener: CInt
    private let log = Log()

    private final class Log: Sendable {
        struct Counts {
            var open = 0
            var mostOpen = 0
            var requests: [Request] = []
        }

        let counts = Mutex(Counts())
    }

    /// What arrived.
    struct Request: Sendable {
        let line: String
        let fields: [String]

        var target: String { String(line.split(separator: " ")[1]) }
    }

    /// Serves each connection's only request by a closure; the connection is closed when it returns.
    init(on address: String = "127.0.0.2", _ respond: @escaping @Sendable (Connection) -> Void) {
        guard let (listener, port) = Self.listen(on: address) else {
            preconditionFailure("cannot listen on \(address): \(String(cString: strerror(errno)))")
        }
        self.listener = listener
        self.port = port
        authority = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
        // The threads must not keep the server, whose end is theirs.
        Self.spawn { [log] in
            while case let socket = accept(listener, nil, nil), socket >= 0 {
                _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
                Self.spawn { Self.serve(socket, log, respond) }
            }
            close(listener)
        }
    }

    /// Serves the same bytes to everybody.
    convenience init(on address: String = "127.0.0.2", _ response: String) {
        self.init(on: address) { $0.send(response) }
    }

    deinit {
        // Ends the accept; to close it here would not.
        shutdown(listener, CInt(SHUT_RDWR))
    }

    var requests: [Request] { log.counts.withLock(\.requests) }

    /// The most connections that were open at the same time.
    var mostOpen: Int { log.counts.withLock(\.mostOpen) }

    /// Connections that are open now.
    var open: Int { log.counts.withLock(\.open) }

    func url(_ path: String = "/file.bin") -> String { "http://\(authority)\(path)" }

    private static func serve(_ socket: CInt, _ log: Log, _ respond: (Connection) -> Void) {
        log.counts.withLock { counts in
            counts.open += 1
            counts.mostOpen = max(counts.mostOpen, counts.open)
        }
        if let request = Connection.readRequest(socket) {
            log.counts.withLock { $0.requests.append(request) }
            respond(Connection(socket, request))
        }
        log.counts.withLock { $0.open -= 1 }
        close(socket)
    }

    /// A socket that listens on a free port of an address; nil if this machine does not have the address.
    static func listen(on address: String) -> (socket: CInt, port: UInt16)? {
        let isV6 = address.contains(":")
        let listener = socket(isV6 ? AF_INET6 : AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var storage = sockaddr_storage()
        let length = withUnsafeMutableBytes(of: &storage) { bytes in
            if isV6 {
                var v6 = sockaddr_in6()
                v6.sin6_family = sa_family_t(AF_INET6)
                inet_pton(AF_INET6, address, &v6.sin6_addr)
                bytes.storeBytes(of: v6, as: sockaddr_in6.self)
                return MemoryLayout<sockaddr_in6>.size
            }
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            inet_pton(AF_INET, address, &v4.sin_addr)
            bytes.storeBytes(of: v4, as: sockaddr_in.self)
            return MemoryLayout<sockaddr_in>.size
        }
        var bound = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isListening = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, socklen_t(length)) == 0 && Glibc.listen(listener, 128) == 0
                    && getsockname(listener, address, &bound) == 0
            }
        }
        guard isListening else {
            close(listener)
            return nil
        }
        // The port is at the same place in both families.
        return (
            listener, withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
        )
    }

    private static func spawn(_ body: @escaping @Sendable () -> Void) {
        final class Work {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { work in
                Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
                return nil
            },
            Unmanaged.passRetained(Work(body)).toOpaque()
        )
        pthread_detach(thread)
    }
}

/// The server's end of a connection. Nothing in here blocks for longer than ten seconds.
struct Connection {
    let request: RawServer.Request
    private let socket: CInt

    fileprivate init(_ socket: CInt, _ request: RawServer.Request) {
        self.socket = socket
        self.request = request
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // So that the sender notices early when the other side stops taking.
        var size: CInt = 64 * 1024
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
    }

    fileprivate static func readRequest(_ socket: CInt) -> RawServer.Request? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard recv(socket, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
        return RawServer.Request(line: lines.removeFirst(), fields: lines)
    }

    /// False if the other side is gone, or takes nothing for ten seconds.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress! + sent, $0.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Whether something can be sent, now or within some milliseconds.
    func canSend(within milliseconds: CInt) -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, milliseconds) == 1
    }

    /// Waits until the other side closes the connection; false if it did not within some milliseconds.
    func isClosed(within milliseconds: CInt = 10_000) -> Bool {
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, milliseconds) == 1 else { return false }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, 0) <= 0
    }

    /// Waits until everything that was sent has reached the other side.
    func waitUntilTaken() {
        var left: CInt = 1
        while left > 0, ioctl(socket, UInt(TIOCOUTQ), &left) == 0 { sched_yield() }
    }

    /// Ends the connection by a reset instead of an orderly end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}
