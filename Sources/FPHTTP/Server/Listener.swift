import FPFormats
import Glibc
import NIOCore
import NIOPosix

/// A socket that connections come in by.
struct Listener: Sendable {
    /// Why a server cannot listen somewhere.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private static let backlog: CInt = 1024

    let channel: any Channel
    let address: SocketAddress
    /// The Unix socket to remove at the end, and the inode that shows it is still ours.
    private let socketFile: (path: String, inode: ino_t)?

    static func bind(
        _ address: ListenAddress, _ bootstrap: ServerBootstrap, inherited: InheritedSockets
    ) async throws -> Listener {
        let bootstrap = bootstrap.serverChannelOption(.backlog, value: backlog)
        switch address {
        case .tcp(let host, let port), .tls(let host, let port):
            do {
                let channel = try await bootstrap.bind(host: host ?? "::", port: Int(port)).get()
                guard let bound = channel.localAddress else {
                    throw Failure(description: "cannot listen on \(address): the socket has no address")
                }
                return Listener(channel: channel, address: bound, socketFile: nil)
            } catch let error as IOError {
                throw Failure(description: "cannot listen on \(address): \(reason(error.errnoCode))")
            }
        case .inherited(let name):
            // Its file, if it has one, is the service manager's to remove.
            let channel = try await bootstrap.withBoundSocket(try inherited.socket(named: name)).get()
            guard let bound = channel.localAddress else {
                throw Failure(description: "cannot listen on \(address): the socket has no address")
            }
            return Listener(channel: channel, address: bound, socketFile: nil)
        case .unix(let path):
            let (socket, inode) = try boundSocket(path)
            let channel = try await bootstrap.withBoundSocket(socket).get()
            return Listener(
                channel: channel,
                address: try SocketAddress(unixDomainSocketPath: path),
                socketFile: (path, inode)
            )
        }
    }

    func close() async {
        try? await channel.close()
        if let socketFile, Self.inode(socketFile.path) == socketFile.inode {
            unlink(socketFile.path)
        }
    }

    /// Binds before it listens, so that nobody gets in before the mode is set.
    private static func boundSocket(_ path: String) throws(Failure) -> (CInt, ino_t) {
        try removeStale(path)
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        let bound = withAddress(path) { Glibc.bind(socket, $0, $1) }
        guard socket >= 0, bound == 0, chmod(path, 0o660) == 0, let inode = inode(path) else {
            let error = errno
            Glibc.close(socket)
            throw Failure(description: "cannot listen on unix:\(path): \(reason(error))")
        }
        return (socket, inode)
    }

    /// Removes a socket that nobody listens on any more, and nothing else.
    private static func removeStale(_ path: String) throws(Failure) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            return
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw Failure(description: "cannot listen on unix:\(path): there is a file that is not a socket")
        }
        let probe = Glibc.socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        defer { Glibc.close(probe) }
        if withAddress(path, { Glibc.connect(probe, $0, $1) }) == 0 {
            throw Failure(description: "cannot listen on unix:\(path): another process does")
        }
        guard errno == ECONNREFUSED else {
            throw Failure(description: "cannot tell whether unix:\(path) is in use: \(reason(errno))")
        }
        unlink(path)
    }

    private static func withAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func inode(_ path: String) -> ino_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : nil
    }

    private static func reason(_ error: CInt) -> String {
        switch error {
        case EADDRINUSE: "another process listens there"
        case EACCES: "permission denied"
        case EADDRNOTAVAIL: "this machine has no such address"
        default: String(cString: strerror(error))
        }
    }
}
