import FPContractDriver
import FPPluginAPI
import Glibc

/// What a plugin must leave alone in the host's process, or give back.
enum GuestCases {
    static let all: [Case] = [
        guest("directory", "the working directory stays") { bench, after in
            try bench.check(after.directory == bench.baseline.directory, "it is \(after.directory) now")
        },
        guest("umask", "the umask stays") { bench, after in
            try bench.check(after.mask == bench.baseline.mask, "it is \(String(after.mask, radix: 8)) now")
        },
        guest("locale", "the locale stays") { bench, after in
            try bench.check(after.locale == bench.baseline.locale, "it is \(after.locale) now")
        },
        guest("environment", "the environment stays") { bench, after in
            let changed = Set(after.environment).symmetricDifference(bench.baseline.environment)
                .map { $0.prefix { $0 != "=" } }
            try bench.check(changed.isEmpty, "changed: \(changed.joined(separator: ", "))")
        },
        guest("signal-handlers", "no signal has another handler") { bench, after in
            for (index, handler) in after.handlers.enumerated() where handler != bench.baseline.handlers[index] {
                // The host itself ignores SIGPIPE before it loads a plugin.
                if index + 1 == SIGPIPE, handler == 1 { continue }
                throw Broken("signal \(index + 1) has another handler")
            }
        },
        Case("guest.close-on-exec", "every descriptor is closed on exec", .rule(8)) { bench in
            try exercise(bench)
            try bench.put(bench.key(), Pattern.bytes(5000))
            let reader = try bench.store.open(bench.key())
            _ = try reader.read(10)
            let flags = try bench.has(FP_CAP_RESUMABLE) ? FP_W_RESUMABLE : 0
            let writer = try bench.store.begin(bench.key("other"), flags: flags)
            try writer.write([1])
            // What a new process would inherit while a read and a write are under way.
            let open = ProcessState().descriptors.subtracting(bench.baseline.descriptors).filter {
                let flags = fcntl($0, F_GETFD)
                return flags >= 0 && flags & FD_CLOEXEC == 0
            }
            try bench.check(open.isEmpty, "\(open.count) descriptors lack O_CLOEXEC: \(open.map { name($0) })")
            reader.close()
            writer.close()
        },
        guest("children", "no child process is left") { bench, _ in
            var status: Int32 = 0
            let child = waitpid(-1, &status, WNOHANG)
            try bench.check(child < 0 && errno == ECHILD, "there is a child process")
        },
        guest("thread-signals", "threads of the plugin block all signals") { bench, after in
            for thread in after.threads.subtracting(bench.baseline.threads) {
                awaitStart(of: thread)
                guard let blocked = blockedSignals(of: thread), blocked & Self.blockable != Self.blockable else {
                    continue
                }
                let open = (1...31).filter { Self.blockable & (1 << UInt64($0 - 1)) & ~blocked != 0 }
                throw Broken("a thread takes the signals \(open)")
            }
        },
        Case("guest.output", "nothing is written to standard input, output or error", .rule(8)) { bench in
            let file = open("/tmp", O_TMPFILE_RDWR, 0o600)
            guard file >= 0 else { throw Inapplicable(reason: "there is no unnamed file in /tmp") }
            let kept = (0...2).map { fcntl($0, F_DUPFD_CLOEXEC, 20) }
            defer { for (number, copy) in kept.enumerated() { dup2(copy, Int32(number)) } }
            for number in 0...2 { dup2(file, Int32(number)) }
            try exercise(bench)
            var status = Glibc.stat()
            fstat(file, &status)
            try bench.check(status.st_size == 0, "\(status.st_size) bytes were written")
        },
        Case("guest.leak-files", "create and destroy, many times, leave no file open", .rule(8)) { bench in
            try cycles(bench, 5)
            let before = ProcessState().descriptors.count
            try cycles(bench, 60)
            try waitFor(bench, "there are more open files than before") { ProcessState().descriptors.count <= before }
        },
        Case("guest.leak-threads", "create and destroy, many times, leave no thread", .rule(8)) { bench in
            try cycles(bench, 5)
            let before = ProcessState().threads.count
            try cycles(bench, 60)
            try waitFor(bench, "there are more threads than before") { ProcessState().threads.count <= before }
        },
        Case("guest.leak-memory", "create and destroy, many times, do not fill the memory", .rule(8)) { bench in
            try cycles(bench, 40)
            let before = residentPages()
            try cycles(bench, 160)
            let grown = (residentPages() - before) * Int(sysconf(Int32(_SC_PAGESIZE)))
            try bench.check(grown < 24 << 20, "\(grown >> 20) MiB more after 160 stores came and went")
        },
        Case("guest.leak-handles", "reads and writes, whatever their end, leave no file open", .rule(8)) { bench in
            try handles(bench, 5)
            let before = ProcessState().descriptors.count
            try handles(bench, 30)
            let after = ProcessState().descriptors.count
            try bench.check(after <= before + 2, "\(after - before) more files are open after 30 rounds")
        },
    ]

    /// Signals 1 to 31 but for those that cannot be blocked, or that faults in the thread itself raise.
    private static let blockable: UInt64 = {
        let kept: [Int32] = [SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS]
        return (1...31).reduce(UInt64(0)) { kept.contains(Int32($1)) ? $0 : $0 | 1 << UInt64($1 - 1) }
    }()

    private static let O_TMPFILE_RDWR: Int32 = 0o20200000 | O_RDWR | O_CLOEXEC

    private static func guest(
        _ name: String, _ promise: String, _ look: @escaping @Sendable (Bench, ProcessState) throws -> Void
    ) -> Case {
        Case("guest.\(name)", promise, .rule(8)) { bench in
            try exercise(bench)
            try look(bench, ProcessState())
        }
    }

    /// A bit of everything, with the store left open.
    private static func exercise(_ bench: Bench) throws {
        let key = bench.key()
        _ = try bench.store.health(flags: FP_HEALTHF_DEEP)
        try bench.put(key, Pattern.bytes(try bench.unit + 1))
        try bench.check(key, holds: Pattern.bytes(try bench.unit + 1))
        _ = try bench.store.lookup(bench.key("absent"))
        if try bench.has(FP_CAP_RESUMABLE) {
            let writer = try bench.store.begin(bench.key("session"), flags: FP_W_RESUMABLE)
            try writer.write([1, 2])
            try writer.sync(FP_SYNC_SUSPEND)
            writer.close()
            try bench.store.discard(writer.firstToken)
        }
        if try bench.has(FP_CAP_LIST) { _ = try bench.store.all(ListRequest(prefix: bench.key(""))) }
        let writer = try bench.store.begin(bench.key("aborted"))
        try writer.write([1])
        try writer.abort()
        writer.close()
        try bench.store.remove(key)
    }

    private static func cycles(_ bench: Bench, _ count: Int) throws {
        for _ in 0..<count {
            let store = try bench.another()
            _ = try store.health()
            _ = try store.lookup(bench.key("absent"))
            store.destroy()
        }
    }

    private static func handles(_ bench: Bench, _ count: Int) throws {
        for _ in 0..<count {
            try bench.put(bench.key(), Pattern.bytes(3000))
            let reader = try bench.store.open(bench.key())
            _ = try reader.read(10)
            reader.close()
            for isAborted in [true, false] {
                let writer = try bench.store.begin(bench.key("other"))
                try writer.write([1])
                if isAborted { try writer.abort() }
                writer.close()
            }
            try bench.store.remove(bench.key())
        }
    }

    private static func waitFor(_ bench: Bench, _ complaint: String, _ isSo: () -> Bool) throws {
        let end = MonotonicClock.seconds + 5
        while !isSo() {
            try bench.check(MonotonicClock.seconds < end, complaint)
            usleep(20_000)
        }
    }

    private static func name(_ descriptor: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 200)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func text(of path: String) -> String {
        guard let file = fopen(path, "re") else { return "" }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    private static func blockedSignals(of thread: Int32) -> UInt64? {
        let line = text(of: "/proc/self/task/\(thread)/status").split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
        return line.flatMap { UInt64($0.dropFirst(7).filter(\.isHexDigit), radix: 16) }
    }

    /// Waits until a thread has run: the C library has every new one block all signals until then. One that works all the
    /// time is waited for in vain for a second.
    private static func awaitStart(of thread: Int32) {
        let end = MonotonicClock.seconds + 1
        while MonotonicClock.seconds < end, isRunnable(thread) { usleep(1000) }
    }

    /// Whether it works, or waits to be given a processor (proc_pid_stat(5), `state`).
    private static func isRunnable(_ thread: Int32) -> Bool {
        // The name in front may have brackets of its own.
        let fields = text(of: "/proc/self/task/\(thread)/stat").utf8
        guard let bracket = fields.lastIndex(of: UInt8(ascii: ")")) else { return false }
        return fields[bracket...].dropFirst(2).first == UInt8(ascii: "R")
    }

    private static func residentPages() -> Int {
        Int(text(of: "/proc/self/statm").split(separator: " ").dropFirst().first ?? "") ?? 0
    }
}
