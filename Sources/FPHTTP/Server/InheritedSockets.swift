import FPFormats
import Glibc

/// Listening sockets that the service manager has opened for this process (systemd's socket activation, sd_listen_fds(3)).
public struct InheritedSockets: Sendable, Equatable {
    /// Where they begin (`SD_LISTEN_FDS_START`).
    private static let first: CInt = 3

    /// Their names, in the order of the descriptors.
    private let names: [String]

    /// None.
    public static let none = InheritedSockets(names: [])

    private init(names: [String]) {
        self.names = names
    }

    /// What the variables `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES` say. They count for the process that they name
    /// only, since its children have them too.
    public init(_ environment: [String: String]) {
        guard let process = environment["LISTEN_PID"].flatMap({ Int32($0) }), process == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int($0) }), (1...256).contains(count)
        else {
            self = .none
            return
        }
        let names = environment["LISTEN_FDNAMES"].map { $0.parts(at: ":").map(String.init) } ?? []
        self.init(names: names.count == count ? names : [String](repeating: "unknown", count: count))
    }

    /// Keeps the sockets from the programs that this process runs.
    public func keepToThisProcess() {
        for index in names.indices { _ = fcntl(Self.first + CInt(index), F_SETFD, FD_CLOEXEC) }
    }

    /// The socket of that name, or the only one there is.
    func socket(named name: String?) throws(Listener.Failure) -> CInt {
        let address = ListenAddress.inherited(name: name)
        let matching = names.indices.filter { name.map(names[$0].isSame) ?? true }
        guard let index = matching.first else {
            let given = names.isEmpty ? "no socket" : "no socket of that name, but \(names.joined(separator: ", "))"
            throw Listener.Failure(
                description: "cannot listen on \(address): the service manager gave \(given); see its .socket unit")
        }
        guard matching.count == 1 else {
            throw Listener.Failure(
                description:
                    "cannot listen on \(address): the service manager gave \(matching.count) sockets; name one as in "
                    + "systemd:NAME, by FileDescriptorName= of its .socket unit")
        }
        let descriptor = Self.first + CInt(index)
        guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1,
            Self.option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue)
        else {
            throw Listener.Failure(
                description:
                    "cannot listen on \(address): the service manager's socket is none that listens for connections")
        }
        return descriptor
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }
}
