import Glibc

/// A process that is sent lines and answers with lines, so that a store can be killed and raced.
///
/// Not `Sendable`: one thread at a time uses it.
package final class LineProcess {
    package let id: pid_t
    /// Where lines from the process come in.
    package let answers: Int32
    private let input: Int32
    private var isReaped = false
    private var buffered: [UInt8] = []

    /// Starts a process, with none of this one's descriptors but those named here.
    /// - Parameters:
    ///   - program: the file; it is not looked for.
    ///   - arguments: the first is the process's name.
    ///   - environment: of the form NAME=VALUE.
    ///   - answering: the number under which the process finds the descriptor that it answers on.
    ///   - files: further descriptors, by the number under which the process finds them.
    ///   - leadsGroup: whether it and all that it starts form a process group of their own, to be killed as one.
    /// - Throws: `DriverFailure`.
    package init(
        _ program: String, _ arguments: [String], environment: [String], answering: Int32 = 1,
        files: [Int32: Int32] = [:], leadsGroup: Bool = false
    ) throws {
        let toChild = try Pipe.make()
        let toUs = try Pipe.make()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.reading, 0)
        for (number, descriptor) in files { posix_spawn_file_actions_adddup2(&actions, descriptor, number) }
        posix_spawn_file_actions_adddup2(&actions, toUs.writing, answering)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var flags = Int16(POSIX_SPAWN_SETSIGMASK)
        if leadsGroup { flags |= Int16(POSIX_SPAWN_SETPGROUP) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, flags)
        // A backtracer would outlive a crashed child and hold its pipes.
        let environment = environment.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
        var pid: pid_t = 0
        let result = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&pid, program, &actions, &attributes, arguments, environment)
            }
        }
        Glibc.close(toChild.reading)
        Glibc.close(toUs.writing)
        input = toChild.writing
        answers = toUs.reading
        id = pid
        guard result == 0 else {
            isReaped = true
            throw DriverFailure("cannot start \(program): \(String(cString: strerror(result)))")
        }
    }

    deinit {
        kill()
        Glibc.close(input)
        Glibc.close(answers)
    }

    /// Sends a line.
    package func send(line: some Sequence<UInt8>) throws {
        var bytes = Array(line) + [UInt8(ascii: "\n")]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw DriverFailure("the process takes no commands: \(String(cString: strerror(errno)))")
            }
            bytes.removeFirst(count)
        }
    }

    /// The next line; nil when the process has ended.
    package func nextLine(within seconds: Double) throws -> [UInt8]? {
        let end = MonotonicClock.seconds + seconds
        while true {
            if let newline = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffered[..<newline])
                buffered.removeSubrange(...newline)
                return line
            }
            let left = end - MonotonicClock.seconds
            guard left > 0 else { throw DriverFailure("the other process is silent for \(Int(seconds)) s") }
            var poller = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poller, 1, Int32(min(left * 1000 + 1, 1e6))) > 0 else { continue }
            guard readMore() else { return nil }
        }
    }

    /// Takes in what is there; false at the end. Only when the descriptor is readable.
    package func readMore() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(answers, &chunk, chunk.count)
        if count > 0 { buffered += chunk.prefix(count) }
        return count > 0 || (count < 0 && errno == EINTR)
    }

    /// Everything received and not yet taken.
    package var pending: [UInt8] { buffered }

    /// Ends the process as a crash would, and waits until it is gone.
    package func kill() {
        guard !isReaped else { return }
        Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        isReaped = true
    }

    /// Ends the process and everything that it has started.
    package func killGroup() {
        Glibc.kill(-id, SIGKILL)
        kill()
    }

    /// How the process ended, if it has (the status of waitpid(2)).
    package func poll() -> Int32? {
        guard !isReaped else { return nil }
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        isReaped = true
        return status
    }
}

/// Something in the machinery around the plugin went wrong; it says nothing about the plugin.
package struct DriverFailure: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// Pipes for child processes.
package enum Pipe {
    /// A pipe that no child inherits by accident, with numbers out of the way of those that children expect.
    package static func make() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw DriverFailure("no pipe: \(String(cString: strerror(errno)))") }
        return (raise(ends[0]), raise(ends[1]))
    }

    /// The same descriptor under a higher number, closed on exec.
    package static func raise(_ descriptor: Int32) -> Int32 {
        let raised = fcntl(descriptor, F_DUPFD_CLOEXEC, 16)
        close(descriptor)
        return raised
    }
}

/// Lends an array of C strings with the NULL at its end.
package func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return body(base)
    }
}
