import CFPStorage
import Glibc
import Synchronization

/// Records which calls of plugins are under way, in a file that outlives a crash: so the next process can name the
/// plugin that ended this one.
public enum CallJournal {
    /// A call of the contract, for a store.
    public struct Call: Sendable, Equatable {
        /// The store's name in the configuration.
        public let store: String
        /// The path of the plugin.
        public let plugin: String
        /// The call, by its name in the contract.
        public let operation: String
    }

    /// What a journal tells of the end of its process.
    public struct End: Sendable {
        /// How the process ended, if it could still record it.
        public enum Cause: Sendable, Equatable {
            /// Nothing was recorded, as after SIGKILL or a loss of power.
            case unknown
            /// It crashed with a signal.
            case signal(Int32)
            /// A plugin called `exit`.
            case exit
        }

        /// How the process ended.
        public let cause: Cause
        /// The call in which it ended, if it ended in one.
        public let culprit: Call?
        /// The calls that were under way.
        public let underWay: [Call]
        /// How long it had run; nil if its end was not recorded.
        public let age: Duration?
    }

    private struct Names {
        var entries: [String] = []
        var hasOperations = false
    }

    private static let names = Mutex(Names())
    private static let storeCapacity = Int(FPS_CALL_STORES)
    private static let operationCapacity = Int(FPS_CALL_OPERATIONS)
    private static let textCapacity = Int(FPS_CALL_TEXT)
    private static let nameCapacity = Int(FPS_CALL_NAME)

    /// Registers a store, so that its calls can be recorded.
    /// - Returns: what stands for store and plugin in ``CallSite``; 0 if there are too many stores.
    static func entry(store: String, plugin: String) -> UInt64 {
        let text = [store, plugin].map { $0.utf8.prefix(textCapacity / 2 - 1) }
        let key = store + "\0" + plugin
        return names.withLock { names in
            if let known = names.entries.firstIndex(of: key) { return UInt64(known + 1) << 32 }
            guard names.entries.count < storeCapacity else { return 0 }
            if !names.hasOperations {
                names.hasOperations = true
                for operation in StoreOperation.allCases { writeName(of: operation) }
            }
            let memory = UnsafeMutableRawBufferPointer(
                start: fps_calls_store(fps_calls_now(), UInt32(names.entries.count)), count: textCapacity)
            memory[..<text[0].count].copyBytes(from: text[0])
            memory[text[0].count] = 0
            let start = text[0].count + 1
            memory[start..<start + text[1].count].copyBytes(from: text[1])
            names.entries.append(key)
            return UInt64(names.entries.count) << 32
        }
    }

    private static func writeName(of operation: StoreOperation) {
        let name = operation.rawValue.utf8.prefix(nameCapacity - 1)
        UnsafeMutableRawBufferPointer(
            start: fps_calls_operation(fps_calls_now(), UInt32(operation.number)), count: nameCapacity
        ).copyBytes(from: name)
    }

    /// Says on standard error which call a crash is in, from here on.
    /// - Parameter flush: called from a signal handler once, to write out earlier output.
    public static func watchCrashes(flush: (@convention(c) () -> Void)?) {
        fps_calls_watch(flush)
    }

    /// Where a crash leaves the journal until ``keep(at:)``.
    public static func leaveAtCrash(_ path: String?) {
        fps_calls_path(path)
    }

    /// Keeps the journal in a file from here on. No other process may use the file.
    /// - Returns: false if it cannot be kept there; then it stays in memory.
    public static func keep(at path: String) -> Bool {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return names.withLock { _ in fps_calls_map(descriptor) == 0 }
    }

    /// Removes the journal at an orderly end.
    public static func forget(at path: String) {
        fps_calls_unmap()
        fps_calls_path(nil)
        unlink(path)
    }

    /// Reads what another process left; nil if there is no journal, or one of another format.
    public static func read(_ path: String) -> End? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = fps_calls_size()
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        defer { memory.deallocate() }
        let count = pread(descriptor, memory, size, 0)
        let journal = OpaquePointer(memory)
        guard count == size, fps_calls_is_one(journal, size) != 0 else { return nil }
        let cause: End.Cause =
            switch fps_calls_ended_by(journal) {
            case 0: .unknown
            case UInt32(FPS_CALL_EXITED): .exit
            case let signal: .signal(Int32(clamping: signal))
            }
        return End(
            cause: cause, culprit: cause == .unknown ? nil : call(journal, fps_calls_ended_in(journal)),
            underWay: (0..<UInt32(FPS_CALL_SLOTS)).compactMap { call(journal, fps_calls_slot(journal, $0)) },
            age: cause == .unknown ? nil : .seconds(fps_calls_age(journal)))
    }

    private static func call(_ journal: OpaquePointer, _ word: UInt64) -> Call? {
        let (entry, operation) = (Int(word >> 32) - 1, Int(word & 0xFFFF_FFFF))
        guard (0..<storeCapacity).contains(entry), (0..<operationCapacity).contains(operation) else { return nil }
        let text = UnsafeRawBufferPointer(start: fps_calls_store(journal, UInt32(entry)), count: textCapacity)
        let store = text.prefix { $0 != 0 }
        let plugin = text.dropFirst(store.count + 1).prefix { $0 != 0 }
        let name = UnsafeRawBufferPointer(
            start: fps_calls_operation(journal, UInt32(operation)), count: nameCapacity
        ).prefix { $0 != 0 }
        return Call(
            store: String(decoding: store, as: UTF8.self), plugin: String(decoding: plugin, as: UTF8.self),
            operation: String(decoding: name, as: UTF8.self))
    }
}

extension StoreOperation {
    private static let numbers = Dictionary(
        uniqueKeysWithValues: zip(allCases, (UInt64(0)...)))

    /// What stands for the operation in the journal.
    var number: UInt64 { Self.numbers[self] ?? 0 }
}
