import FPPluginKit
import Glibc

/// Getting a TCP connection, on a thread that may wait.
enum Socket {
    /// Tries the host's addresses in turn.
    /// - Parameter isWanted: asked between steps, and every 100 ms while a server does not answer.
    /// - Returns: a socket that does not block.
    static func connect(
        to server: Settings.Endpoint, before deadline: Int64, isWanted: () -> Bool
    ) throws(PluginError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(server.host, String(server.port), &hints, &found)
        defer { if let found { freeaddrinfo(found) } }
        guard code == 0 else {
            throw PluginError(
                .transient, "looking up \(server.host): \(String(cString: gai_strerror(code))); check `host`")
        }
        var problem = ETIMEDOUT
        var next = found
        while let address = next {
            next = address.pointee.ai_next
            switch attempt(address.pointee, before: deadline, isWanted) {
            case .success(let socket): return socket
            case .failure(let error): problem = error.number
            }
        }
        throw PluginError(
            .transient, "connecting to \(server.host) port \(server.port): \(PluginError.text(ofErrno: problem))",
            errno: problem)
    }

    private struct Problem: Error { let number: Int32 }

    private static func attempt(
        _ address: addrinfo, before deadline: Int64, _ isWanted: () -> Bool
    ) -> Result<Int32, Problem> {
        let type = address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(address.ai_family, type, address.ai_protocol)
        guard socket >= 0 else { return .failure(Problem(number: errno)) }
        prepare(socket)
        if Glibc.connect(socket, address.ai_addr, address.ai_addrlen) == 0 { return .success(socket) }
        var problem = errno
        if problem == EINPROGRESS {
            problem = ETIMEDOUT
            while isWanted(), Call.now < deadline {
                var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                guard poll(&poller, 1, 100) > 0 else { continue }
                var size = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(socket, SOL_SOCKET, SO_ERROR, &problem, &size)
                if problem == 0 { return .success(socket) }
                break
            }
        }
        close(socket)
        return .failure(Problem(number: problem))
    }

    private static func prepare(_ socket: Int32) {
        var yes: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, 4)
        setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &yes, 4)
        // What is not sent when this process ends must not be sent any more: the next process may write to the same
        // file by then. An orderly end of a connection comes after the last answer, when nothing is left to send.
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}
