import Foundation
import Glibc

/// A run of this executable as a child, for what may crash or hang: in a process group of its own, so that nothing of it
/// is left when its time is over, and without Swift's backtraces, whose helper outlives the crash.
struct TrialProcess {
    /// How a child ended.
    enum End: Equatable {
        case exited(Int32)
        case killed(signal: Int32)
        case timedOut
    }

    /// How it ended.
    let end: End
    /// Its standard output.
    let output: Data
    /// Its standard error.
    let errors: Data

    /// Runs fphost with these arguments to its end, at most for `limit`. Blocks.
    /// - Throws: ``Refusal`` if the system does not start it.
    static func run(_ arguments: [String], limit: Duration) throws -> TrialProcess {
        let output = try TrialPipe()
        let errors = try TrialPipe()
        let child = try spawn(arguments, output: output, errors: errors)
        output.closeWritingEnd()
        errors.closeWritingEnd()
        let deadline = ContinuousClock.now + limit
        // A grandchild may hold the pipes open, and a child may close them and go on: neither is waited for.
        var end: End?
        while end == nil, ContinuousClock.now < deadline {
            Self.read([output, errors], forMilliseconds: output.isAtEnd && errors.isAtEnd ? 1 : 20)
            end = Self.end(of: child, waiting: false)
        }
        kill(-child, SIGKILL)
        let reaped = end ?? Self.end(of: child, waiting: true)
        Self.read([output, errors], forMilliseconds: 0)
        let isLate = end == nil && reaped == .killed(signal: SIGKILL)
        return TrialProcess(
            end: isLate ? .timedOut : reaped ?? .timedOut, output: output.content, errors: errors.content)
    }

    private static func spawn(_ arguments: [String], output: TrialPipe, errors: TrialPipe) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writingEnd, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.writingEnd, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        sigfillset(&all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var words = (["fphost"] + arguments).map { strdup($0) } + [nil]
        let environment = ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        var settings = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var child = pid_t()
        let failure = Descriptors.withFirstLimit {
            posix_spawn(&child, "/proc/self/exe", &actions, &attributes, &words, &settings)
        }
        guard failure == 0 else {
            throw Refusal(
                .failure, "fphost cannot start itself to look at plugins: \(String(cString: strerror(failure)))")
        }
        return child
    }

    private static func end(of child: pid_t, waiting: Bool) -> End? {
        var status: Int32 = 0
        var found: pid_t
        repeat { found = waitpid(child, &status, waiting ? 0 : WNOHANG) } while found < 0 && errno == EINTR
        guard found == child else { return nil }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    private static func read(_ pipes: [TrialPipe], forMilliseconds time: Int32) {
        var watched = pipes.filter { !$0.isAtEnd }.map { pollfd(fd: $0.readingEnd, events: Int16(POLLIN), revents: 0) }
        poll(&watched, nfds_t(watched.count), time)
        for pipe in pipes { pipe.drain() }
    }
}

/// A pipe that a child writes to. What it writes beyond a limit is thrown away.
private final class TrialPipe {
    private(set) var content = Data()
    private(set) var isAtEnd = false
    let readingEnd: Int32
    private(set) var writingEnd: Int32
    private static let limit = 16 << 20

    init() throws {
        var ends: [Int32] = [-1, -1]
        // No other thread of this process starts a child that could inherit them before the flag is set.
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0,
            fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0
        else {
            throw Refusal(.failure, "fphost has no pipe to a child: \(String(cString: strerror(errno)))")
        }
        readingEnd = ends[0]
        writingEnd = ends[1]
    }

    deinit {
        close(readingEnd)
        closeWritingEnd()
    }

    func closeWritingEnd() {
        if writingEnd >= 0 { close(writingEnd) }
        writingEnd = -1
    }

    func drain() {
        var block = [UInt8](repeating: 0, count: 64 << 10)
        while !isAtEnd {
            let count = Glibc.read(readingEnd, &block, block.count)
            guard count > 0 else {
                isAtEnd = count == 0
                return
            }
            if content.count < Self.limit { content.append(contentsOf: block[..<count]) }
        }
    }
}
