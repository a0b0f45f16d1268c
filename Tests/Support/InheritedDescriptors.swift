import Glibc

/// How many descriptors a program has that this process executes: its standard streams, what it opens itself to look, and
/// what it inherits. Of use only in a process in which no other test runs.
package func descriptorsOfChild() throws -> Int {
    var ends: [CInt] = [0, 0]
    guard pipe(&ends) == 0 else { throw POSIXFailure(errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    let words: [String] = ["ls", "/proc/self/fd"]
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var child = pid_t()
    let result = posix_spawnp(&child, "ls", &actions, nil, &arguments, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard result == 0 else { throw POSIXFailure(result) }
    var lines = 0
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 {
        lines += chunk.prefix(count).count { $0 == UInt8(ascii: "\n") }
    }
    var status: CInt = 0
    waitpid(child, &status, 0)
    guard status == 0 else { throw POSIXFailure(status) }
    return lines
}

/// How many descriptors this process has.
package func openDescriptors() -> Int {
    guard let directory = opendir("/proc/self/fd") else { return 0 }
    defer { closedir(directory) }
    var count = 0
    while readdir(directory) != nil { count += 1 }
    // Without "." and "..", and the descriptor of the directory itself.
    return count - 3
}

private struct POSIXFailure: Error {
    let number: CInt

    init(_ number: CInt) { self.number = number }
}
