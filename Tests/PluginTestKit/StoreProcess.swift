import Glibc

/// A store in a process of its own, so that it can be killed, raced, and have system calls fail under it.
package final class StoreProcess {
    package let id: pid_t
    private let input: Int32
    private let output: Int32
    private var buffered: [UInt8] = []
    private var isReaped = false

    /// An answer of the driver.
    package enum Answer: Equatable, Sendable {
        case ok([String])
        case error(status: Int32, errno: Int32, flags: UInt32, message: String)

        package var words: [String] { if case .ok(let words) = self { words } else { [] } }
        package var status: Int32 { if case .error(let status, _, _, _) = self { status } else { 0 } }
    }

    package init(plugin: String, options: [String: String], environment more: [String] = []) throws {
        let directory = try PluginLibrary.buildDirectory()
        var fromUs: [Int32] = [0, 0]
        var toUs: [Int32] = [0, 0]
        guard pipe2Closing(&fromUs), pipe2Closing(&toUs) else { throw Problem("pipe: errno \(errno)") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, fromUs[0], 0)
        posix_spawn_file_actions_adddup2(&actions, toUs[1], 1)
        let arguments =
            ["store-driver", "\(directory)/lib\(plugin).so"] + options.map { "\($0.key)=\($0.value)" }
        // A backtracer would outlive the process and hold its pipes.
        let environment = ["SWIFT_BACKTRACE=enable=no", "PATH=/usr/bin:/bin"] + more
        var pid: pid_t = 0
        let result = withCStrings(arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&pid, "\(directory)/store-driver", &actions, nil, arguments, environment)
            }
        }
        Glibc.close(fromUs[0])
        Glibc.close(toUs[1])
        input = fromUs[1]
        output = toUs[0]
        id = pid
        guard result == 0 else {
            isReaped = true
            throw Problem("cannot start \(directory)/store-driver: errno \(result)")
        }
        let ready = try answer()
        guard ready == .ok(["ready"]) else { throw Problem("the driver says \(ready)") }
    }

    deinit {
        kill()
        Glibc.close(input)
        Glibc.close(output)
    }

    /// Ends the process as a crash would, and waits until it is gone.
    package func kill() {
        guard !isReaped else { return }
        isReaped = true
        Glibc.kill(id, SIGKILL)
        var status: Int32 = 0
        waitpid(id, &status, 0)
    }

    /// Sends a command without waiting for its answer.
    package func send(_ command: String) throws {
        var bytes = Array((command + "\n").utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Problem("the driver takes no commands: errno \(errno)") }
            bytes = bytes.dropFirst(count)
        }
    }

    /// The next answer. Waits at most a minute.
    package func answer() throws -> Answer {
        guard let line = try nextLine() else { throw Problem("the driver ended") }
        let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        if words.first == "ok" { return .ok(Array(words.dropFirst())) }
        guard words.count >= 4, words[0] == "error", let status = Int32(words[1]), let number = Int32(words[2]),
            let flags = UInt32(words[3])
        else { throw Problem("the driver says \(line)") }
        return .error(
            status: status, errno: number, flags: flags, message: words.dropFirst(4).joined(separator: " "))
    }

    @discardableResult
    package func run(_ command: String) throws -> Answer {
        try send(command)
        return try answer()
    }

    /// The next line; nil when the process has ended.
    package func nextLine() throws -> String? {
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffered[..<end], as: UTF8.self)
                buffered.removeSubrange(...end)
                return line
            }
            var poller = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&poller, 1, 60_000) > 0 else { throw Problem("the driver is silent for a minute") }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = Glibc.read(output, &chunk, chunk.count)
            if count <= 0 { return nil }
            buffered += chunk.prefix(count)
        }
    }
}

extension StoreProcess.Answer {
    /// The token in the answer to "begin".
    package var token: [UInt8] {
        var digits = (words.first ?? "")[...]
        var bytes: [UInt8] = []
        while let byte = UInt8(digits.prefix(2), radix: 16) {
            bytes.append(byte)
            digits = digits.dropFirst(2)
        }
        return bytes
    }
}

/// A pipe whose ends are not inherited but by the file actions of a spawn.
private func pipe2Closing(_ ends: inout [Int32]) -> Bool {
    guard pipe(&ends) == 0 else { return false }
    return ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
}

func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array of one or more has an address") }
        return body(base)
    }
}
