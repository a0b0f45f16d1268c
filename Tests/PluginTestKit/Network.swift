import Glibc

/// A connected TCP socket that blocks, closed when nobody holds it any more.
package final class Socket: Sendable {
    package let descriptor: Int32

    /// Takes a descriptor over.
    package init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Connects to a port of this machine; nil if nobody listens there.
    package convenience init?(port: UInt16) {
        self.init(socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var address = loopback(port)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { return nil }
    }

    /// Bytes that came; empty at the end.
    package func receive(_ most: Int = 256 << 10) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            count = max(0, recv(descriptor, buffer.baseAddress, most, 0))
        }
    }

    /// Sends all bytes.
    /// - Returns: false if the connection has broken.
    @discardableResult
    package func send(_ bytes: some Collection<UInt8>) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Lets the connection end with a reset when it is closed, as it does when the other side crashes.
    package func resetWhenClosed() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }

    /// Ends both directions at once.
    package func cut() {
        resetWhenClosed()
        shutdown(descriptor, Int32(SHUT_RDWR))
    }
}

/// A port of this machine that takes connections, each of them handled on a thread of its own.
package final class Listener: Sendable {
    package let port: UInt16
    private let descriptor: Int32

    package init(_ handle: @escaping @Sendable (Socket) -> Void) {
        let (listening, port) = bound()
        precondition(listen(listening, 256) == 0, "cannot listen on this machine: errno \(errno)")
        descriptor = listening
        self.port = port
        startThread {
            while true {
                let accepted = accept(listening, nil, nil)
                guard accepted >= 0 else { return }
                let connection = Socket(accepted)
                startThread { handle(connection) }
            }
        }
    }

    deinit {
        // Wakes the thread that accepts, which shutting down alone does on Linux.
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}

/// A port of this machine that nobody listens on.
package func freePort() -> UInt16 {
    let (socket, port) = bound()
    close(socket)
    return port
}

/// Waits until somebody listens on a port of this machine.
package func waitForPort(_ port: UInt16) throws {
    try waitUntil("port \(port) answers") { Socket(port: port) != nil }
}

/// A socket on a port of this machine that nobody else has.
private func bound() -> (socket: Int32, port: UInt16) {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(socket, $0, size) == 0 && getsockname(socket, $0, &size) == 0
        }
    }
    precondition(isBound, "no free port: errno \(errno)")
    return (socket, UInt16(bigEndian: address.sin_port))
}

private func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
}
