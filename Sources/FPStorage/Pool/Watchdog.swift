import CFPStorage
import Glibc
import Synchronization

/// One thread for the whole process that looks after calls which are late: it tells them to stop at their deadline,
/// and gives up those that do not. It sleeps while no call is under way anywhere.
///
/// `@unchecked Sendable`: the pools are guarded by the mutex, the rest is atomic or constant.
final class Watchdog: @unchecked Sendable {
    static let shared = Watchdog()

    /// How long a cancelled call may take to come back before its caller goes on without it. The contract gives a
    /// plugin one second; what is left of it is for the watchdog's own step.
    static let cancelPatience = Duration.milliseconds(850)
    private static let step = Duration.milliseconds(50)

    private struct Registry {
        var pools: [ObjectIdentifier: WorkerPool] = [:]
        var isRunning = false
    }

    private let registry = Mutex(Registry())
    private let isAsleep = Atomic<Bool>(false)
    private let wakeUp: UnsafeMutablePointer<UInt32>

    private init() {
        wakeUp = .allocate(capacity: 1)
        wakeUp.initialize(to: 0)
    }

    /// Looks after a pool until `unregister`.
    func register(_ pool: WorkerPool) {
        registry.withLock { registry in
            registry.pools[ObjectIdentifier(pool)] = pool
            if !registry.isRunning {
                registry.isRunning = BackgroundThread.start(name: "fp-watchdog") { Watchdog.shared.run() }
            }
        }
    }

    /// Forgets a pool once nothing in it is late any more.
    func unregister(_ pool: WorkerPool) {
        registry.withLock { _ = $0.pools.removeValue(forKey: ObjectIdentifier(pool)) }
    }

    /// A job was submitted somewhere. Costs one load while the watchdog is awake.
    func poolIsBusy() {
        if isAsleep.load(ordering: .sequentiallyConsistent), isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        {
            fps_unpark(wakeUp)
        }
    }

    private func run() {
        while true {
            let pools = registry.withLock { Array($0.pools.values) }
            let now = MonotonicTime.now
            for pool in pools { pool.inspect(at: now) }
            if pools.contains(where: \.isBusy) {
                _ = fps_park(wakeUp, (now + Self.step).nanoseconds, 0)
                continue
            }
            isAsleep.store(true, ordering: .sequentiallyConsistent)
            // Who submits from here on sees the flag and wakes this thread; what was submitted before is seen now.
            if registry.withLock({ Array($0.pools.values) }).contains(where: \.isBusy) {
                isAsleep.store(false, ordering: .sequentiallyConsistent)
            } else {
                _ = fps_park(wakeUp, .max, 0)
                isAsleep.store(false, ordering: .sequentiallyConsistent)
            }
        }
    }
}
