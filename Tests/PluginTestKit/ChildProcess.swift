import FPContractDriver
import Glibc

/// A program that the tests start.
///
/// Its standard input is a pipe that nobody writes to. It ends with this object, or with the tests, however they end, and
/// the program is to end with it.
package final class ChildProcess: Sendable {
    private let id: pid_t
    private let input: Int32
    private let output: Int32

    /// - Parameters:
    ///   - arguments: the program, looked for in PATH, and its arguments.
    ///   - environment: "NAME=value", and all of it; nil for the tests' own.
    ///   - log: the file that stdout and stderr are added to; nil if stdout is read with ``line()``.
    package init(_ arguments: [String], environment: [String]? = nil, log: String? = nil) throws {
        var toIt: [Int32] = [-1, -1]
        var fromIt: [Int32] = [-1, -1]
        guard let program = arguments.first, pipe(&toIt) == 0, pipe(&fromIt) == 0 else {
            throw Problem("no program, or no pipe: errno \(errno)")
        }
        for end in toIt + fromIt { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toIt[0], 0)
        if let log {
            posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        } else {
            posix_spawn_file_actions_adddup2(&actions, fromIt[1], 1)
        }
        // The tests' threads may block signals that a program waits for.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var started: pid_t = 0
        let result = withCStrings(arguments) { arguments in
            guard let environment else {
                return posix_spawnp(&started, program, &actions, &attributes, arguments, environ)
            }
            return withCStrings(environment) {
                posix_spawnp(&started, program, &actions, &attributes, arguments, $0)
            }
        }
        close(toIt[0])
        close(fromIt[1])
        guard result == 0 else {
            close(toIt[1])
            close(fromIt[0])
            throw Problem("cannot start \(program): errno \(result)")
        }
        id = started
        input = toIt[1]
        output = fromIt[0]
    }

    deinit {
        close(input)
        close(output)
        waitpid(id, nil, 0)
    }

    /// The next line of its output, without the end of the line; what there is when it ends.
    package func line() -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A server that ends with this object, or with the tests, however they end: a shell stands between and sees to it.
package final class Guardian: Sendable {
    private let shell: ChildProcess

    /// - Parameters:
    ///   - environment: "NAME=value", beside PATH.
    ///   - log: the file that the server's output is added to.
    package init(_ arguments: [String], environment: [String] = [], log: String) throws {
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
        shell = try ChildProcess(
            ["sh", "-c", script, "sh"] + arguments,
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + environment, log: log)
    }
}
