import FPPluginKit
import Glibc
import Synchronization

/// A connection to the SFTP server: any number of requests under way at once, for any number of files.
///
/// A thread of its own drives libssh. Calls of the host leave requests in a queue and wait for replies, so that no call
/// is ever inside libssh: it returns in time whatever the server, the network or the resolver does.
final class Connection: Sendable {
    let settings: Settings
    let sight: RootSight
    private let log: Log
    private let bell: Bell
    private let monitor = Monitor(State())
    private let lastID = Atomic<UInt32>(0)

    private struct State {
        var phase = Phase.opening
        var isStopping = false
        /// Until when a connection that stops still sends what is in the queue, such as the removal of a file.
        var lastWord: Int64 = 0
        var queue: [[UInt8]] = []
        var queuedBytes = 0
        var underWay: [UInt32: any ReplySink] = [:]
        var isAsleep = false
        /// When the oldest of the requests was sent that no reply has followed.
        var lastRequest = Call.now
        var lastReply = Call.now
        /// When there was work last, which keep-alive requests are not.
        var lastWork = Call.now
        var openFiles = 0
        var features = Features()
        /// The thread is gone.
        var hasEnded = false

        var isOpen: Bool { if case .open = phase { true } else { false } }
        var isClosed: Bool { if case .closed = phase { true } else { false } }
    }

    private enum Phase {
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
        guard BackgroundThread.start({ self.run() }) else {
            throw PluginError(.transient, "no thread for a connection")
        }
    }

    // MARK: - For calls of the host

    /// Waits until requests can be sent.
    func waitUntilOpen(_ call: borrowing Call) throws(PluginError) {
        let outcome = try monitor.wait(call) { state -> Result<Void, PluginError>? in
            switch state.phase {
            case .opening: nil
            case .open: .success(())
            case .closed(let error): .failure(error)
            }
        }
        try outcome.get()
    }

    /// Looks at the connection, or changes it in a way that nobody waits for.
    private func quietly<Value, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try monitor.withLock(waking: false, body)
    }

    /// Looks at what the connection's lock guards: the trackers of writes that were sent over it.
    /// - Parameter body: learns whether the connection is closed.
    func withLock<Value>(_ body: (_ isClosed: Bool) -> Value) -> Value { quietly { body($0.isClosed) } }

    /// Waits until nothing more will be heard of writes that were sent, then looks at their tracker.
    func whenQuiet<Value>(
        _ tracker: WriteTracker, _ call: borrowing Call, _ body: (WriteTracker) -> Value
    ) throws(PluginError) -> Value {
        try monitor.wait(call) { _ in tracker.isQuiet ? .some(body(tracker)) : nil }
    }

    var isClosed: Bool { quietly { $0.isClosed } }

    var isOpen: Bool { quietly { $0.isOpen } }

    /// What the server can do. Known once the connection is open.
    var features: Features { quietly { $0.features } }

    /// How much it has to do.
    var load: Int { quietly { $0.openFiles + $0.underWay.count } }

    /// For how long the server has sent nothing while a request waits for its answer.
    var silence: Duration {
        quietly { $0.underWay.isEmpty ? .zero : .nanoseconds(Call.now - max($0.lastReply, $0.lastRequest)) }
    }

    var fileCount: Int { quietly { $0.openFiles } }

    func countFile(_ change: Int) { quietly { $0.openFiles += change } }

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
        try quietly { state throws(PluginError) in try enqueue(packet, id, sink, &state) }
    }

    /// Sends a request without waiting for the reply. Failures are ignored: it is only for cleaning up.
    func tell(_ request: Request) { try? send(request, to: Nobody.instance) }

    /// Sends a file's bytes once the queue has room for them, and the file's own window.
    /// - Returns: false if they were not sent: the connection is closed, or an earlier write to the file was refused.
    func write(
        _ request: consuming Request, _ count: Int, at start: UInt64, to tracker: WriteTracker, _ call: borrowing Call
    ) throws(PluginError) -> Bool {
        let id = newID()
        let packet = request.numbered(id)
        return try monitor.wait(call) { state -> Bool? in
            if state.isClosed || !tracker.isWell { return false }
            guard state.queuedBytes < Self.queueLimit, tracker.hasRoom else { return nil }
            tracker.add(WriteTracker.Part(id: id, start: start, count: count, packet: packet))
            send(packet, id, tracker, &state)
            return true
        }
    }

    func reply(to exchange: Exchange, _ call: borrowing Call) throws(PluginError) -> Reply {
        let outcome = try monitor.wait(call) { _ in
            exchange.outcome
        } onGivingUp: { _ in
            exchange.isAbandoned = true
        }
        return try outcome.get()
    }

    /// Asks for the first bytes of a file.
    func prefetch(_ count: Int, of handle: [UInt8], by tracker: ReadTracker) throws(PluginError) {
        try quietly { state throws(PluginError) in
            if case .closed(let error) = state.phase { throw error }
            ask(of: handle, by: tracker, ahead: count, &state)
        }
    }

    /// Waits until a file's bytes fill the buffer, or, after a while, for any. Asks for what the buffer has room for, and
    /// for `ahead` bytes more.
    /// - Returns: how many there are, 0 if none will come; and whether the server let the reader wait for all of a while.
    func read(
        of handle: [UInt8], by tracker: ReadTracker, into buffer: UnsafeMutableRawBufferPointer, ahead: Int,
        _ call: borrowing Call
    ) throws(PluginError) -> (count: Int, isFar: Bool) {
        quietly { _ in tracker.aim(at: buffer) }
        func served(_ state: inout State) -> Int? {
            ask(of: handle, by: tracker, ahead: ahead, &state)
            return tracker.isServed ? tracker.withdraw() : nil
        }
        if let count = monitor.wait(atMost: Self.patience, until: served) { return (count, false) }
        let hasHeard = quietly { _ in
            tracker.isHasty = true
            return tracker.hasHeard
        }
        var rest = 0
        do throws(PluginError) {
            let count = try monitor.wait(call, until: served) { _ in rest = tracker.withdraw() }
            return (count, !hasHeard)
        } catch {
            // Bytes that are in the buffer are nowhere else.
            guard rest > 0 else { throw error }
            return (rest, !hasHeard)
        }
    }

    /// For how long a reader waits for a full buffer: each piece that it takes costs the host more than its bytes.
    private static let patience = Duration.milliseconds(5)

    private func ask(of handle: [UInt8], by tracker: ReadTracker, ahead: Int, _ state: inout State) {
        if case .closed(let error) = state.phase {
            tracker.lose(error)
            return
        }
        let smallest = state.features.smallestRead
        tracker.request(ahead: ahead) { start, count in
            let id = newID()
            let request = Request.read(handle, at: start, count: max(UInt32(count), smallest))
            send(request.numbered(id), id, tracker, &state)
            return id
        }
    }

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
            quietly { _ in for exchange in exchanges { exchange.isAbandoned = true } }
            for exchange in exchanges {
                if case .success(.handle(let handle)) = exchange.outcome { tell(.close(handle)) }
            }
            throw error
        }
        return replies
    }

    /// Ends the connection. Returns at once.
    func stop() {
        quietly {
            $0.isStopping = true
            $0.lastWord = Call.now + 1_000_000_000
        }
        bell.ring()
    }

    /// Waits for the thread to be gone, but not for ever: a resolver cannot be interrupted.
    func waitForEnd(before deadline: Int64) {
        _ = monitor.wait(atMost: .nanoseconds(deadline - Call.now)) { $0.hasEnded ? true : nil }
    }

    private func newID() -> UInt32 { lastID.wrappingAdd(1, ordering: .relaxed).newValue }

    private func enqueue(
        _ packet: [UInt8], _ id: UInt32, _ sink: any ReplySink, _ state: inout State
    ) throws(PluginError) {
        if case .closed(let error) = state.phase { throw error }
        send(packet, id, sink, &state)
    }

    private func send(_ packet: [UInt8], _ id: UInt32, _ sink: any ReplySink, _ state: inout State) {
        state.lastWork = Call.now
        if state.underWay.isEmpty { state.lastRequest = state.lastWork }
        state.underWay[id] = sink
        state.queue.append(packet)
        state.queuedBytes += packet.count
        guard state.isAsleep else { return }
        state.isAsleep = false
        bell.ring()
    }

    // MARK: - The thread

    private func open() throws(PluginError) -> Link {
        let (link, features) = try Link.open(settings) { self.isWanted }
        quietly {
            $0.features = features
            $0.lastReply = Call.now
            $0.lastWork = $0.lastReply
        }
        return link
    }

    private var isWanted: Bool { quietly { !$0.isStopping } }

    private func run() {
        do throws(PluginError) {
            let link = try open()
            monitor.withLock { $0.phase = .open }
            try drive(link)
            link.session.finish()
            close(PluginError(.transient, "the connection to \(settings.server.name) was closed"))
        } catch {
            close(error)
        }
        monitor.withLock { $0.hasEnded = true }
    }

    private func close(_ error: PluginError) {
        monitor.withLock { state in
            state.phase = .closed(error)
            state.queue = []
            state.queuedBytes = 0
            for sink in state.underWay.values { sink.lose(error) }
            state.underWay = [:]
        }
        guard isWanted else { return }
        log.write(.debug, "connection to \(settings.server.name) ended: \(error.message)")
    }

    /// Runs until the connection is stopped or breaks.
    private func drive(_ link: Link) throws(PluginError) {
        var sending = Sending()
        while true {
            let isDone = quietly { state in
                sending.append(state.queue)
                state.queue.removeAll(keepingCapacity: true)
                return hasIdled(state) || (state.isStopping && (state.underWay.isEmpty || Call.now > state.lastWord))
            }
            if isDone { return }
            // First what has arrived: on the way libssh learns that the socket takes more.
            var moved = try receive(from: link)
            let sent = try sending.push(into: link)
            if sent > 0 {
                quietly { state in
                    let wasFull = state.queuedBytes >= Self.queueLimit
                    state.queuedBytes -= sent
                    if wasFull, state.queuedBytes < Self.queueLimit { monitor.wakeAll() }
                }
            }
            moved += sent
            if moved == 0 { try sleep(link) }
        }
    }

    private func hasIdled(_ state: State) -> Bool {
        let limit = settings.timing.idleClose.nanoseconds
        return limit > 0 && state.underWay.isEmpty && Call.now - state.lastWork > limit
    }

    private func receive(from link: Link) throws(PluginError) -> Int {
        let count = try link.fill()
        guard count > 0 else { return 0 }
        try quietly { state throws(PluginError) in
            state.lastReply = Call.now
            // Most are answers to writes, which nobody waits for one by one.
            var isAwaited = false
            while true {
                var exchange: Exchange?
                let isNews = try link.passReply { id in
                    let sink = state.underWay.removeValue(forKey: id)
                    exchange = sink as? Exchange
                    return sink
                }
                guard let isNews else { break }
                if isNews { isAwaited = true }
                if let exchange, exchange.isAbandoned, case .success(.handle(let handle)) = exchange.outcome {
                    let id = newID()
                    try enqueue(Request.close(handle).numbered(id), id, Nobody.instance, &state)
                }
            }
            if isAwaited { monitor.wakeAll() }
        }
        return count
    }

    private func sleep(_ link: Link) throws(PluginError) {
        let pause = try quietly { state throws(PluginError) -> Int64 in
            guard state.queue.isEmpty else { return 0 }
            let pause = state.isStopping ? 50_000_000 : try nextPause(&state)
            state.isAsleep = true
            return pause
        }
        guard pause > 0 else { return }
        var pollers = [
            pollfd(fd: link.session.socket, events: link.session.wantedEvents, revents: 0),
            pollfd(fd: bell.descriptor.raw, events: Int16(POLLIN), revents: 0),
        ]
        poll(&pollers, 2, Int32(clamping: pause / 1_000_000 + 1))
        if pollers[1].revents != 0 { bell.silence() }
        quietly { $0.isAsleep = false }
    }

    /// How long to sleep at most.
    private func nextPause(_ state: inout State) throws(PluginError) -> Int64 {
        let now = Call.now
        let timing = settings.timing
        var pause: Int64 = 60_000_000_000
        if !state.underWay.isEmpty {
            let left = max(state.lastReply, state.lastRequest) + timing.answer.nanoseconds - now
            guard left > 0 else {
                throw PluginError(
                    .transient, "\(settings.server.name) has owed an answer for \(timing.answer), so it counts as lost")
            }
            return min(pause, left)
        }
        if timing.idleClose > .zero {
            pause = min(pause, max(1_000_000, state.lastWork + timing.idleClose.nanoseconds - now))
        }
        guard timing.keepAlive > .zero else { return pause }
        let due = max(state.lastReply, state.lastRequest) + timing.keepAlive.nanoseconds - now
        if due <= 0 {
            let work = state.lastWork
            let id = newID()
            try enqueue(Request.realPath(".").numbered(id), id, Nobody.instance, &state)
            state.lastWork = work
            return 0
        }
        return min(pause, due)
    }
}
