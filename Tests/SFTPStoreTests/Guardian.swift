import Glibc
import PluginTestKit

/// A process that ends with this one, however this one ends.
final class Guardian {
    private let shell: pid_t
    private let leash: Int32

    /// - Parameter log: where the program's output goes.
    init(_ arguments: [String], environment: [String] = [], log: String) throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Problem("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A server's connections are its children, in sessions of their own: they end with it.
        let script = """
            "$@" </dev/null & server=$!
            read -r line
            for file in /proc/[0-9]*/stat; do
                read -r child name state parent rest <"$file" && [ "$parent" = "$server" ] && kill -KILL "$child"
            done 2>/dev/null
            kill -KILL "$server" 2>/dev/null
            wait
            """
        // The tests' threads may block signals that a shell waits with.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var pid: pid_t = 0
        let result = withArguments(["sh", "-c", script, "sh"] + arguments) { arguments in
            withArguments(["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + environment) { environment in
                posix_spawnp(&pid, "sh", &actions, &attributes, arguments, environment)
            }
        }
        close(ends[0])
        guard result == 0 else {
            close(ends[1])
            throw Problem("cannot start \(arguments): errno \(result)")
        }
        shell = pid
        leash = ends[1]
    }

    deinit {
        close(leash)
        var status: Int32 = 0
        waitpid(shell, &status, 0)
    }
}

private func withArguments<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return body(base)
    }
}
