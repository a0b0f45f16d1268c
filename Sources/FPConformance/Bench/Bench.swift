import FPContractDriver
import FPPluginAPI
import Glibc

/// What a case works with: the plugin, keys of its own, and checks.
///
/// `@unchecked Sendable`: cases hand it to threads of their own, which share nothing but the store and the keys, and the
/// keys are guarded.
final class Bench: @unchecked Sendable {
    let plan: Plan
    let subject: Case
    /// Random numbers, the same again for the same `--seed`.
    var generator: SeededGenerator
    /// The state of this process before the plugin was loaded.
    let baseline: ProcessState
    private let lock = Lock()
    private var keys: [String] = []
    private var peers: [Peer] = []
    private var loaded: Library?
    private var opened: Store?
    private var known: fp_caps?

    init(_ subject: Case, _ plan: Plan) throws {
        self.subject = subject
        self.plan = plan
        generator = SeededGenerator(seed: plan.seed, for: subject.id)
        baseline = ProcessState()
    }

    // MARK: - The plugin

    var library: Library {
        get throws {
            if let loaded { return loaded }
            let library = try Library(path: plan.plugin)
            loaded = library
            return library
        }
    }

    /// The store of most cases; made when it is first asked for.
    var store: Store {
        get throws {
            if let opened { return opened }
            let store = try another()
            opened = store
            return store
        }
    }

    /// A further store with the same options.
    func another(_ shape: HostShape = .present, options: OptionNode? = nil) throws -> Store {
        var invocation = Invocation()
        invocation.shape = shape
        invocation.secrets = plan.options.secrets
        // Before the kit's own limit, so that a plugin which obeys deadlines says what it was waiting for.
        invocation.deadline = MonotonicClock.nanoseconds + Int64(plan.timeLimit * 0.8 * 1e9)
        return try Store(library, options: options ?? plan.options, invocation: invocation)
    }

    /// A store for a host of another age, in a process whose plugin has seen no other host.
    func store(_ shape: HostShape) throws -> Store {
        loaded = try Library(path: plan.plugin, shape: shape)
        let store = try another(shape)
        opened = store
        return store
    }

    /// What the store can do, after its first contact with the back-end.
    var caps: fp_caps {
        get throws {
            if let known { return known }
            _ = try store.health()
            let caps = try store.capabilities()
            known = caps
            return caps
        }
    }

    func has(_ bits: UInt64) throws -> Bool { try caps.flags & bits == bits }

    /// The store in another process.
    func peer() throws -> Peer {
        let peer = try Peer(plan)
        lock.with { peers.append(peer) }
        return peer
    }

    // MARK: - Keys and bytes

    /// A key of this case's own.
    func key(_ name: String = "object") -> String {
        let key = "\(plan.prefix)/\(subject.id)/\(name)"
        lock.with { keys.append(key) }
        return key
    }

    /// The size in bytes at which plugins begin to behave differently: that of a part where there are parts.
    var unit: Int {
        get throws {
            let unit = try caps.durable_unit
            return unit > 1 && unit <= 64 << 20 ? Int(unit) : 64 << 10
        }
    }

    /// The largest write that the host makes at once.
    var writeSize: Int {
        get throws { Int(min(max(try caps.write_size, 64 << 10), 4 << 20)) }
    }

    /// Puts an object, in writes of the size that the plugin likes, and waits until it can be seen.
    @discardableResult
    func put(_ key: String, _ bytes: [UInt8], flags: UInt32 = 0, in store: Store? = nil) throws -> Info {
        let store = try store ?? self.store
        let writer = try store.begin(key, flags: flags, size: UInt64(bytes.count))
        defer { writer.close() }
        try push(bytes, to: writer)
        let info = try writer.commit()
        try settle { try store.lookup(key) != nil }
        return info
    }

    /// Writes all of it, `writeSize` bytes at a time.
    func push(_ bytes: [UInt8], to writer: Writer) throws {
        let step = try writeSize
        var place = 0
        while place < bytes.count {
            let end = min(place + step, bytes.count)
            try writer.write(Array(bytes[place..<end]))
            place = end
        }
    }

    /// Where a change need not be seen at once, waits until it is. Where it must, does nothing.
    func settle(_ isSettled: () throws -> Bool) throws {
        if try has(FP_CAP_READ_AFTER_WRITE) { return }
        let end = MonotonicClock.seconds + 15
        while try !isSettled() {
            guard MonotonicClock.seconds < end else { throw Broken("a change is not seen after 15 s") }
            usleep(50_000)
        }
    }

    /// - Throws: `Inapplicable` unless the plugin offers all of it.
    func meet(_ needs: [Need]) throws {
        for need in needs {
            switch need {
            case .caps(let bits):
                let missing = bits & ~(try caps.flags)
                guard missing == 0 else {
                    throw Inapplicable(reason: "it does not declare \(Capability.names(of: missing))")
                }
            case .parallel:
                guard try caps.threading == FP_THREADS_PARALLEL else {
                    throw Inapplicable(reason: "it declares that its calls must not run side by side")
                }
            case .transfer:
                guard try store.transferSlot != nil else {
                    throw Inapplicable(reason: "it does not offer the extension \(FP_EXT_TRANSFER)")
                }
            case .readFD:
                guard try store.readFDSlot != nil else {
                    throw Inapplicable(reason: "it does not offer the extension \(FP_EXT_READ_FD)")
                }
            case .unreachable:
                guard plan.unreachable != nil else {
                    throw Inapplicable(
                        reason: "needs --unreachable: options that lead to a back-end which is not there")
                }
            case .stalled:
                guard plan.stalled != nil else {
                    throw Inapplicable(reason: "needs --stalled: options that lead to 127.0.0.1 and port {port}")
                }
            }
        }
    }

    // MARK: - After the case

    /// Ends what the case has started and removes what it has made, as far as that is possible.
    func cleanUp() {
        for peer in peers { peer.kill() }
        guard let store = opened else { return }
        store.invocation.cancellation = nil
        store.invocation.deadline = MonotonicClock.nanoseconds + 10_000_000_000
        for token in store.issuedTokens { try? store.discard(token) }
        for key in keys { try? store.remove(key) }
    }
}
