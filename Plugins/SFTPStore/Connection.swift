import CSSH
import FPPluginKit
import Glibc
import Synchronization

// Sendable by hand: what changes is behind the monitor, or belongs to the connection's own thread.
/// A connection to the SFTP server: any number of requests under way at once, for any number of files.
///
/// A thread of its own drives libssh. Calls of the host leave requests in a queue and wait for replies, so that no call
/// is ever inside libssh: it returns in time whatever the server, the network or the resolver does.
final class Connection: @unchecked Sendable {
    let settings: Settings
    let sight: RootSight
    private let log: Log
    private let bell: Bell
    let monitor = Monitor()

    private let lastID = Atomic<UInt32>(0)

    // Behind the monitor.
    private var state = State.opening
    private var isStopping = false
    /// Until when a connection that stops still sends what is in the queue, such as the removal of a file.
    private var lastWord: Int64 = 0
    private var queue: [[UInt8]] = []
    private var queuedBytes = 0
    private var underWay: [UInt32: any ReplySink] = [:]
    private var isAsleep = false
    /// When the oldest request that nothing was heard since was sent.
    private var lastRequest: Int64
    private var lastReply: Int64
    /// Signs of life do not count.
    private var lastWork: Int64
    private var openFiles = 0
    private var found = Features()
    private var hasEnded = false

    private enum State {
        case opening
        case open
        case closed(PluginError)
    }

    /// Bytes that may wait in the queue: enough to keep libssh busy while the host fetches more.
    private static let queueLimit = 512 << 10

    /// Starts to connect. The first call that needs the connection learns how it went.
    init(_ settings: Settings, _ sight: RootSight, _ log: Log) throws(PluginError) {
        guard let bell = Bell() else {
            throw PluginError(.transient, "no descriptor left; raise the limit of open files", errno: errno)
        }
        self.settings = settings
        self.sight = sight
        self.log = log
        self.bell = bell
        lastRequest = monotonicNow()
        lastReply = lastRequest
        lastWork = lastRequest
        guard Thread.start({ self.run() }) else { throw PluginError(.transient, "no thread for a connection") }
    }

    // MARK: - For calls of the host

    /// Waits until requests can be sent.
    func waitUntilOpen(_ call: borrowing Call) throws(PluginError) {
        try monitor.locked { () throws(PluginError) in
            try monitor.wait(call) { if case .opening = state { false } else { true } }
            if case .closed(let error) = state { throw error }
        }
    }

    var isClosed: Bool { monitor.locked { hasClosed } }

    /// The same, with the lock held.
    var hasClosed: Bool { if case .closed = state { true } else { false } }

    var isOpen: Bool { monitor.locked { if case .open = state { true } else { false } } }

    /// What the server can do. Known once the connection is open.
    var features: Features { monitor.locked { found } }

    /// How much it has to do.
    var load: Int { monitor.locked { openFiles + underWay.count } }

    /// For how long the server has owed an answer without a word.
    var silence: Duration {
        monitor.locked { underWay.isEmpty ? .zero : .nanoseconds(monotonicNow() - max(lastReply, lastRequest)) }
    }

    var fileCount: Int { monitor.locked { openFiles } }

    func countFile(_ change: Int) { monitor.locked { openFiles += change } }

    /// Sends a request. Its reply is waited for with `reply`.
    func ask(_ request: Request) throws(PluginError) -> Exchange {
        let exchange = Exchange()
        try send(request, to: exchange)
        return exchange
    }

    /// Sends a request whose reply goes to `sink`.
    func send(_ request: consuming Request, to sink: any ReplySink) throws(PluginError) {
        let id = newID()
        let packet = request.numbered(id)
        try monitor.locked { () throws(PluginError) in try enqueue(packet, id, sink) }
    }

    /// Sends a request that nobody waits for; a connection that is gone has done as much.
    func tell(_ request: Request) { try? send(request, to: Nobody.instance) }

    /// Sends a file's bytes once the queue has room for them, and the file's own window.
    /// - Returns: false if they were not sent: the connection is closed, or an earlier write to the file was refused.
    func write(
        _ request: consuming Request, _ count: Int, at start: UInt64, to tracker: WriteTracker, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        let id = newID()
        let packet = request.numbered(id)
        return try monitor.locked { () throws(PluginError) in
            try monitor.wait(call) {
                hasClosed || !tracker.isWell || (queuedBytes < Self.queueLimit && tracker.hasRoom)
            }
            if hasClosed || !tracker.isWell { return false }
            tracker.add(WriteTracker.Part(id: id, start: start, count: count, packet: packet))
            try enqueue(packet, id, tracker)
            return true
        }
    }

    func reply(to exchange: Exchange, _ call: borrowing Call) throws(PluginError) -> Reply {
        try monitor.locked { () throws(PluginError) in
            do throws(PluginError) {
                try monitor.wait(call) { exchange.outcome != nil }
            } catch {
                exchange.isAbandoned = true
                throw error
            }
            guard let outcome = exchange.outcome else { throw PluginError(.internalError, "a reply got lost") }
            return try outcome.get()
        }
    }

    func isAnswered(_ exchange: Exchange) -> Bool { monitor.locked { exchange.outcome != nil } }

    /// One request and its reply.
    func run(_ request: Request, _ call: borrowing Call) throws(PluginError) -> Reply {
        try reply(to: try ask(request), call)
    }

    /// Several requests at once, and their replies in the same order: one round trip.
    func run(_ requests: [Request], _ call: borrowing Call) throws(PluginError) -> [Reply] {
        var exchanges: [Exchange] = []
        for request in requests { exchanges.append(try ask(request)) }
        return try replies(to: exchanges, call)
    }

    /// The replies to several requests.
    func replies(to exchanges: [Exchange], _ call: borrowing Call) throws(PluginError) -> [Reply] {
        var replies: [Reply] = []
        do throws(PluginError) {
            for exchange in exchanges { replies.append(try reply(to: exchange, call)) }
        } catch {
            monitor.locked { for exchange in exchanges { exchange.isAbandoned = true } }
            for exchange in exchanges {
                if case .success(.handle(let handle)) = exchange.outcome { tell(.close(handle)) }
            }
            throw error
        }
        return replies
    }

    /// Ends the connection. Returns at once.
    func stop() {
        monitor.locked {
            isStopping = true
            lastWord = monotonicNow() + 1_000_000_000
        }
        bell.ring()
    }

    /// Waits for the thread to be gone, but not for ever: a resolver cannot be interrupted.
    func waitForEnd(before deadline: Int64) {
        monitor.locked { monitor.wait(before: deadline) { hasEnded } }
    }

    private func newID() -> UInt32 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    private func enqueue(_ packet: [UInt8], _ id: UInt32, _ sink: any ReplySink) throws(PluginError) {
        if case .closed(let error) = state { throw error }
        lastWork = monotonicNow()
        if underWay.isEmpty { lastRequest = lastWork }
        underWay[id] = sink
        queue.append(packet)
        queuedBytes += packet.count
        guard isAsleep else { return }
        isAsleep = false
        bell.ring()
    }

    // MARK: - The thread

    private func open() throws(PluginError) -> Link {
        let (link, features) = try Link.open(settings) { self.isWanted }
        monitor.locked {
            found = features
            lastReply = monotonicNow()
            lastWork = lastReply
        }
        return link
    }

    private var isWanted: Bool { monitor.locked { !isStopping } }

    private func run() {
        do throws(PluginError) {
            let link = try open()
            monitor.locked {
                state = .open
                monitor.announce()
            }
            try drive(link)
            link.session.finish()
            close(PluginError(.transient, "the connection to \(settings.server.name) was closed"))
        } catch {
            close(error)
        }
        monitor.locked {
            hasEnded = true
            monitor.announce()
        }
    }

    private func close(_ error: PluginError) {
        monitor.locked {
            state = .closed(error)
            queue = []
            queuedBytes = 0
            for sink in underWay.values { sink.lose(error) }
            underWay = [:]
            monitor.announce()
        }
        guard isWanted else { return }
        log.write(.debug, "connection to \(settings.server.name) ended: \(error.message)")
    }

    /// Runs until nobody wants the connection any more, or it breaks.
    private func drive(_ link: Link) throws(PluginError) {
        var sending = Sending()
        while true {
            let isDone = monitor.locked {
                sending.append(queue)
                queue.removeAll(keepingCapacity: true)
                return hasIdled || (isStopping && (underWay.isEmpty || monotonicNow() > lastWord))
            }
            if isDone { return }
            // First what has arrived: on the way libssh learns that the socket takes more.
            var moved = try receive(from: link)
            let sent = try sending.push(into: link)
            if sent > 0 {
                monitor.locked {
                    let wasFull = queuedBytes >= Self.queueLimit
                    queuedBytes -= sent
                    if wasFull, queuedBytes < Self.queueLimit { monitor.announce() }
                }
            }
            moved += sent
            if moved == 0 { try sleep(link) }
        }
    }

    private var hasIdled: Bool {
        let limit = settings.timing.idleClose.nanoseconds
        return limit > 0 && underWay.isEmpty && monotonicNow() - lastWork > limit
    }

    private func receive(from link: Link) throws(PluginError) -> Int {
        let count = try link.fill()
        guard count > 0 else { return 0 }
        try monitor.locked { () throws(PluginError) in
            lastReply = monotonicNow()
            // Most are answers to writes, which nobody waits for one by one.
            var isAwaited = false
            while let (id, reply) = try link.nextReply() {
                guard let sink = underWay.removeValue(forKey: id) else { continue }
                if sink.receive(reply, to: id) { isAwaited = true }
                if case .handle(let handle) = reply, let exchange = sink as? Exchange, exchange.isAbandoned {
                    let id = newID()
                    try enqueue(Request.close(handle).numbered(id), id, Nobody.instance)
                }
            }
            if isAwaited { monitor.announce() }
        }
        return count
    }

    private func sleep(_ link: Link) throws(PluginError) {
        let pause = try monitor.locked { () throws(PluginError) -> Int64 in
            guard queue.isEmpty else { return 0 }
            let pause = isStopping ? 50_000_000 : try nextPause()
            isAsleep = true
            return pause
        }
        guard pause > 0 else { return }
        var pollers = [
            pollfd(fd: link.session.socket, events: link.session.wantedEvents, revents: 0),
            pollfd(fd: bell.descriptor.raw, events: Int16(POLLIN), revents: 0),
        ]
        poll(&pollers, 2, Int32(clamping: pause / 1_000_000 + 1))
        if pollers[1].revents != 0 { bell.silence() }
        monitor.locked { isAsleep = false }
    }

    /// How long to sleep at most. With the lock held.
    private func nextPause() throws(PluginError) -> Int64 {
        let now = monotonicNow()
        let timing = settings.timing
        var pause: Int64 = 60_000_000_000
        if !underWay.isEmpty {
            let left = max(lastReply, lastRequest) + timing.answer.nanoseconds - now
            guard left > 0 else {
                throw PluginError(
                    .transient, "\(settings.server.name) has owed an answer for \(timing.answer), so it counts as lost")
            }
            return min(pause, left)
        }
        if timing.idleClose > .zero {
            pause = min(pause, max(1_000_000, lastWork + timing.idleClose.nanoseconds - now))
        }
        guard timing.keepAlive > .zero else { return pause }
        let due = max(lastReply, lastRequest) + timing.keepAlive.nanoseconds - now
        if due <= 0 {
            let work = lastWork
            let id = newID()
            try enqueue(Request.realPath(".").numbered(id), id, Nobody.instance)
            lastWork = work
            return 0
        }
        return min(pause, due)
    }
}
