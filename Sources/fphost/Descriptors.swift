import FPConfig
import Glibc
import NIOCore
import Synchronization

/// The limit on this process's open files (RLIMIT_NOFILE).
enum Descriptors {
    /// Swift does not import the constant.
    private static let resource = __rlimit_resource_t(7)
    /// Higher limits are of no use, since memory runs out first, and do harm: some libraries walk all numbers at fork,
    /// which would take seconds.
    private static let most: rlim_t = 1 << 20
    private static let first = Mutex<rlimit?>(nil)

    /// The soft limit as it is now.
    static var limit: Int { Int(clamping: current.rlim_cur) }

    /// The soft limit after ``raise()``.
    static var reachableLimit: Int { Int(clamping: raised(current).rlim_cur) }

    /// Raises the soft limit to the hard one. The soft one is low for programs that use select(2), which this program
    /// and its libraries do not.
    static func raise() {
        let before = current
        var after = raised(before)
        guard after.rlim_cur > before.rlim_cur, setrlimit(resource, &after) == 0 else { return }
        first.withLock { $0 = before }
    }

    /// Runs `body`, which starts a child, with the soft limit that this process was started with: the child may use
    /// select(2). Only while this process has far fewer files open than that.
    static func withFirstLimit<Value>(_ body: () -> Value) -> Value {
        guard var first = first.withLock({ $0 }) else { return body() }
        var own = current
        setrlimit(resource, &first)
        defer { setrlimit(resource, &own) }
        return body()
    }

    private static var current: rlimit {
        var limit = rlimit()
        getrlimit(resource, &limit)
        return limit
    }

    private static func raised(_ limit: rlimit) -> rlimit {
        rlimit(rlim_cur: max(limit.rlim_cur, min(limit.rlim_max, most)), rlim_max: limit.rlim_max)
    }
}

/// How the limit on open files is divided: what the host itself needs, and what is left for connections and writers.
struct DescriptorBudget: Equatable {
    /// The limit that it is made for.
    let limit: Int
    /// What the host needs besides connections and the writers of uploads between two chunks.
    let base: Int
    /// Connections that may be open at once.
    let connections: Int
    /// Writers that may be kept open between two chunks.
    let openWriters: Int

    /// A connection is a socket, and while a request is under way the file that it writes or reads, or both of a copy.
    private static let perConnection = 3
    /// With fewer connections the host does not start.
    private static let fewestConnections = 16
    private static let fewestWriters = 4
    private static let mostWriters = 256

    init(_ settings: Settings, limit: Int) {
        self.limit = limit
        base = Self.base(settings)
        let left = limit - base
        openWriters = min(Self.mostWriters, max(Self.fewestWriters, left / 8))
        connections = min(settings.server.maxConnections, max(0, left - openWriters) / Self.perConnection)
    }

    /// Whether the host can run at all.
    var isEnough: Bool { limit >= needed }

    /// What is wrong with the limit or with `server.max_connections`, if anything is.
    func problem(_ settings: Settings) -> (text: String, isFatal: Bool)? {
        let advice = "raise it with LimitNOFILE= in the service's unit, or with ulimit -n"
        guard isEnough else {
            return (
                "the limit of open files is \(limit), where these settings need at least \(needed), for "
                    + "\(settings.stores.count) stores, the catalog and \(Self.fewestConnections) connections; \(advice)",
                true
            )
        }
        guard connections < settings.server.maxConnections else { return nil }
        return (
            "\"server.max_connections\" is \(settings.server.maxConnections), but the limit of open files, \(limit), "
                + "leaves room for \(connections), which is what the host keeps to; \(advice)", false
        )
    }

    private var needed: Int { base + Self.fewestWriters + Self.fewestConnections * Self.perConnection }

    private static func base(_ settings: Settings) -> Int {
        // Standard streams, the signals, the log, what the linker and the runtime have open for a moment.
        let process = 16
        // An epoll, an event and a timer descriptor for each loop, and a listening socket that may accept ahead.
        let server = 4 * (System.coreCount + 1) + 4 * settings.server.listen.count
        // SQLite's database, log and index, for the writer and each reader, and what a checkpoint opens.
        let catalog = 24
        // For each transfer a socket, and a descriptor for libcurl's name lookup.
        let fetch = settings.fetch.enabled ? 2 * settings.fetch.concurrency : 0
        // For all that is not counted here.
        let reserve = 32
        return settings.stores.values.reduce(process + server + catalog + fetch + reserve) { sum, store in
            // An event descriptor for each thread, and what a call opens while it runs: a directory, a file, a connection.
            sum + 4 * ((store.threads ?? 16) + 3)
        }
    }
}
