import FPContractDriver
import Glibc

/// Runs a program and returns its exit status, with what it wrote to stdout.
package func runTool(_ arguments: [String]) -> (status: Int32, output: String) {
    var ends: [Int32] = [0, 0]
    guard let program = arguments.first, pipe(&ends) == 0 else { return (-1, "") }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var pid: pid_t = 0
    let started = withCStrings(arguments) { arguments in
        withCStrings(["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]) { environment in
            posix_spawnp(&pid, program, &actions, nil, arguments, environment)
        }
    }
    close(ends[1])
    defer { close(ends[0]) }
    guard started == 0 else { return (-1, "") }
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(ends[0], &chunk, chunk.count)
        if count <= 0 { break }
        output += chunk.prefix(count)
    }
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    return (status & 0x7F == 0 ? (status >> 8) & 0xFF : -1, String(decoding: output, as: UTF8.self))
}
