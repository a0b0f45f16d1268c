import FPPluginAPI
import Logging
import Synchronization

/// Passes a plugin's messages on to the host's log: with secrets masked, on one line each, and rate-limited.
final class PluginLog: Sendable {
    let logger: Logger
    let mask: SecretMask
    private let limit = Mutex(RateLimit(burst: 100, perSecond: 20))

    init(logger: Logger, mask: SecretMask = .none) {
        self.logger = logger
        self.mask = mask
    }

    func record(level raw: Int32, message: String, fields: [(String, String)]) {
        let level = Self.level(raw)
        if level < logger.logLevel { return }
        let (allowed, suppressed) = limit.withLock { $0.take(at: .now) }
        if !allowed { return }
        if suppressed > 0 {
            logger.warning("the plugin logs too fast: \(suppressed) lines were dropped")
        }
        var metadata: Logger.Metadata = [:]
        for (key, value) in fields {
            metadata[mask(key).singleLine] = .string(mask(value).singleLine)
        }
        logger.log(level: level, "\(mask(message).singleLine)", metadata: metadata.isEmpty ? nil : metadata)
    }

    /// The contract's number of the lowest level that is recorded.
    var contractLevel: UInt32 {
        switch logger.logLevel {
        case .trace: UInt32(FP_LOG_TRACE)
        case .debug: UInt32(FP_LOG_DEBUG)
        case .info, .notice: UInt32(FP_LOG_INFO)
        case .warning: UInt32(FP_LOG_WARN)
        case .error, .critical: UInt32(FP_LOG_ERROR)
        }
    }

    private static func level(_ raw: Int32) -> Logger.Level {
        switch raw {
        case ..<FP_LOG_DEBUG: .trace
        case FP_LOG_DEBUG: .debug
        case FP_LOG_INFO: .info
        case FP_LOG_WARN: .warning
        default: .error
        }
    }
}

/// A token bucket that counts what it rejected.
struct RateLimit {
    private let burst: Double
    private let perSecond: Double
    private var tokens: Double
    private var refilled: MonotonicTime?
    private var suppressed = 0

    init(burst: Int, perSecond: Int) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        tokens = Double(burst)
    }

    /// Whether one more may pass, and how many were rejected since the last that passed.
    mutating func take(at now: MonotonicTime) -> (allowed: Bool, suppressed: Int) {
        if let refilled {
            tokens = min(burst, tokens + Double((now - refilled).wholeNanoseconds) / 1e9 * perSecond)
        }
        refilled = now
        if tokens < 1 {
            suppressed += 1
            return (false, 0)
        }
        tokens -= 1
        defer { suppressed = 0 }
        return (true, suppressed)
    }
}
