import Synchronization

/// The test's side of `Tests/TestPlugins/control.h`: what the Memory plugin counts, and what it is told to do wrong.
public struct PluginControl: Sendable {
    /// The slots of the plugin.
    public enum Operation: Int, Sendable {
        case create, destroy, health, stat, readOpen, read, readClose, writeBegin, writeResume, write, writeSync
        case writeCommit, writeAbort, writeClose, writeDiscard, remove, copy, list, listPending, presign, transfer
        case readFD
        /// All of them together; only the counts are kept.
        case all
        case count
    }

    /// What is counted or set for each of them.
    public enum Field: Int, Sendable {
        case calls, inFlight, peak, fault, faultsLeft, sleepMilliseconds, gate, lie, retryAfterMilliseconds, errorFlags
        /// Whether the fault comes once the work is done; the `errno` with it; what health says that it cannot do; the status
        /// for keys that begin with `refused`.
        case afterEffect, osErrno, limits, refusal
        /// The fingerprint of the last call's trace id, 0 for none.
        case trace
        /// What health says that is free, in bytes; 0 for 400, -1 for unknown.
        case free
        /// How often it was to survive a loss of power.
        case power
        /// How many calls go well before the fault.
        case spared
        case perOperation = 18
    }

    private let words: Words

    /// Never freed: a thread that hangs in the plugin may look at it for as long as the process lives.
    private final class Words: @unchecked Sendable {
        // `@unchecked Sendable`: the words are atomics.
        let start: UnsafeMutablePointer<Atomic<Int64>>

        init() {
            let count = Operation.count.rawValue * Field.perOperation.rawValue
            start = .allocate(capacity: count)
            for index in 0..<count { (start + index).initialize(to: Atomic(0)) }
        }
    }

    /// A control of which nothing is asked yet.
    public init() {
        words = Words()
    }

    /// What the plugin's option `control` is set to.
    public var address: Int { Int(bitPattern: words.start) }

    /// A count, or what is asked for.
    public subscript(operation: Operation, field: Field) -> Int {
        get { Int(word(operation, field).pointee.load(ordering: .sequentiallyConsistent)) }
        nonmutating set { word(operation, field).pointee.store(Int64(newValue), ordering: .sequentiallyConsistent) }
    }

    /// Whether the last call of the operation came with that trace id.
    public func wasTraced(_ operation: Operation, by id: String) -> Bool {
        // FNV-1a, 64 bits.
        let fingerprint = id.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return self[operation, .trace] == Int(truncatingIfNeeded: fingerprint)
    }

    /// Makes the next calls fail; `times` -1 = all.
    public func fail(
        _ operation: Operation, _ status: Int, times: Int = -1, retryAfterMilliseconds: Int = 0, flags: Int = 0
    ) {
        self[operation, .afterEffect] = 0
        self[operation, .fault] = status
        self[operation, .retryAfterMilliseconds] = retryAfterMilliseconds
        self[operation, .errorFlags] = flags
        self[operation, .faultsLeft] = times
    }

    /// Makes the next calls do their work and then fail, as if the answer had been lost; `times` -1 = all.
    public func loseAnswers(_ operation: Operation, _ status: Int = 200, times: Int = -1) {
        // FP_ERRF_OUTCOME_UNKNOWN.
        fail(operation, status, times: 0, flags: 1)
        self[operation, .afterEffect] = 1
        self[operation, .faultsLeft] = times
    }

    /// Lets the operation succeed again.
    public func heal(_ operation: Operation) {
        self[operation, .faultsLeft] = 0
        self[operation, .afterEffect] = 0
    }

    /// Makes calls hang, deaf to deadline and cancellation, until `release`.
    public func hang(_ operation: Operation) {
        self[operation, .gate] = 1
    }

    /// Lets the calls that hang go on.
    public func release(_ operation: Operation) {
        self[operation, .gate] = 0
    }

    private func word(_ operation: Operation, _ field: Field) -> UnsafeMutablePointer<Atomic<Int64>> {
        words.start + (operation.rawValue * Field.perOperation.rawValue + field.rawValue)
    }
}
