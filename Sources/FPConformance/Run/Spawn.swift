import Foundation
import Glibc

/// Numbers under which a child finds its end of things.
enum ChildDescriptor {
    /// What the child has to say to the kit; standard output is the plugin's to leave alone.
    static let answers: Int32 = 3
    static let breadcrumb: Int32 = 4
}

/// A process that was started to do a job.
final class Spawned {
    let id: pid_t
    /// Lines for the child.
    let input: Int32
    /// Lines from the child.
    let answers: Int32
    private var isReaped = false
    private var buffered: [UInt8] = []

    /// - Parameters:
    ///   - output: what the child gets as standard output and error; -1 to share ours.
    ///   - breadcrumb: a file for it to leave its last call in; -1 for none.
    ///   - leadsGroup: whether it and all that it starts form a process group of their own, to be killed as one.
    init(_ job: Job, output: Int32 = -1, breadcrumb: Int32 = -1, leadsGroup: Bool) throws {
        let toChild = try Pipe.make()
        let toUs = try Pipe.make()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.reading, 0)
        if output >= 0 {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
            posix_spawn_file_actions_adddup2(&actions, output, 2)
        }
        posix_spawn_file_actions_adddup2(&actions, toUs.writing, ChildDescriptor.answers)
        if breadcrumb >= 0 {
            posix_spawn_file_actions_adddup2(&actions, breadcrumb, ChildDescriptor.breadcrumb)
        }
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
        let environment =
            ProcessInfo.processInfo.environment.merging(["SWIFT_BACKTRACE": "enable=no"]) { $1 }
            .map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let arguments = job.plan.command
        let program = arguments.first ?? ""
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
            throw KitFailure("cannot start \(program): \(String(cString: strerror(result)))")
        }
        try send(job)
    }

    deinit {
        kill()
        Glibc.close(input)
        Glibc.close(answers)
    }

    /// Sends a value as one line.
    func send(_ value: some Encodable) throws {
        var bytes = [UInt8](try JSONEncoder().encode(value)) + [UInt8(ascii: "\n")]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw KitFailure("the process takes no commands: \(String(cString: strerror(errno)))")
            }
            bytes.removeFirst(count)
        }
    }

    /// The next line from the child; nil when it has ended.
    func nextLine(within seconds: Double) throws -> [UInt8]? {
        let end = MonotonicClock.seconds + seconds
        while true {
            if let newline = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(buffered[..<newline])
                buffered.removeSubrange(...newline)
                return line
            }
            let left = end - MonotonicClock.seconds
            guard left > 0 else { throw KitFailure("the other process is silent for \(Int(seconds)) s") }
            var poller = pollfd(fd: answers, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, Int32(min(left * 1000 + 1, 1e6))) > 0 else { continue }
            guard readMore() else { return nil }
        }
    }

    /// Takes in what is there; false at the end. Only when the descriptor is readable.
    func readMore() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(answers, &chunk, chunk.count)
        if count > 0 { buffered += chunk.prefix(count) }
        return count > 0 || (count < 0 && errno == EINTR)
    }

    /// Everything received and not yet taken.
    var pending: [UInt8] { buffered }

    /// Ends the process as a crash would, and waits until it is gone.
    func kill() {
        guard !isReaped else { return }
        Glibc.kill(id, SIGKILL)
        reap()
    }

    /// Ends the process and everything that it has started.
    func killGroup() {
        guard !isReaped else {
            Glibc.kill(-id, SIGKILL)
            return
        }
        Glibc.kill(-id, SIGKILL)
        kill()
    }

    /// How the process ended, if it has.
    func poll() -> Int32? {
        guard !isReaped else { return nil }
        var status: Int32 = 0
        guard waitpid(id, &status, WNOHANG) == id else { return nil }
        isReaped = true
        return status
    }

    private func reap() {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        isReaped = true
    }

    private func poll(_ poller: UnsafeMutablePointer<pollfd>, _ count: UInt, _ milliseconds: Int32) -> Int32 {
        Glibc.poll(poller, count, milliseconds)
    }
}

/// Something in the kit's own machinery went wrong; it says nothing about the plugin.
package struct KitFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}

enum Pipe {
    /// A pipe that no child inherits by accident, with numbers out of the way of those that children expect.
    static func make() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw KitFailure("no pipe: \(String(cString: strerror(errno)))") }
        return (raise(ends[0]), raise(ends[1]))
    }

    static func raise(_ descriptor: Int32) -> Int32 {
        let raised = fcntl(descriptor, F_DUPFD_CLOEXEC, 16)
        close(descriptor)
        return raised
    }
}

private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return body(base)
    }
}
