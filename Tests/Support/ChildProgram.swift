import Foundation

/// Runs a program to its end without Foundation's Process, which reads the list of this process's descriptors and, where
/// those are more than a thousand, beyond its end: so many have the tests of a server at once.
public enum ChildProgram {
    /// Goes to a directory, closes what this process has open beside the standard streams, and becomes a program.
    private static let shell = """
        cd "$1" || exit 127; shift
        for number in /proc/self/fd/*; do number=${number##*/}; if [ "$number" -gt 2 ]; then exec {number}>&-; fi; done
        exec "$@"
        """

    /// Blocks until the program has ended.
    /// - Parameters:
    ///   - environment: All that it has.
    ///   - output: The file that takes its standard output.
    ///   - errors: The file that takes its standard error.
    /// - Returns: its exit status; of one that a signal ended, 128 and the signal's number, as shells have it.
    public static func run(
        _ path: String, _ arguments: [String],
        environment: [String: String] = ProcessInfo.processInfo.environment, in directory: String, output: String,
        errors: String
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, file) in [(Int32(1), output), (2, errors)] {
            posix_spawn_file_actions_addopen(&actions, number, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        var words = (["/bin/bash", "-c", shell, "bash", directory, path] + arguments).map { strdup($0) } + [nil]
        var settings = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var child = pid_t()
        let failure = posix_spawn(&child, "/bin/bash", &actions, nil, &words, &settings)
        guard failure == 0 else { throw HostFailure("cannot run \(path): \(String(cString: strerror(failure)))") }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw HostFailure("cannot wait for \(path): errno \(errno)") }
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}
