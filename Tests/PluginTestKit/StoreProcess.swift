import FPContractDriver
import Glibc

/// A store in a process of its own (Tests/StoreDriver), so that it can be killed, raced, and have system calls fail under
/// it.
package final class StoreProcess {
    private let process: LineProcess

    package var id: pid_t { process.id }

    /// An answer of the driver.
    package enum Answer: Equatable, Sendable {
        case ok([String])
        case error(status: Int32, errno: Int32, flags: UInt32, message: String)

        package var words: [String] { if case .ok(let words) = self { words } else { [] } }
        package var status: Int32 { if case .error(let status, _, _, _) = self { status } else { 0 } }

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

    package init(plugin: String, options: [String: String], environment: [String] = []) throws {
        let directory = try PluginLibrary.buildDirectory()
        process = try LineProcess(
            "\(directory)/store-driver",
            ["store-driver", "\(directory)/lib\(plugin).so"] + options.map { "\($0.key)=\($0.value)" },
            environment: ["PATH=/usr/bin:/bin"] + environment)
        let ready = try answer()
        guard ready == .ok(["ready"]) else { throw Problem("the driver says \(ready)") }
    }

    /// Ends the process as a crash would, and waits until it is gone.
    package func kill() { process.kill() }

    /// Sends a command without waiting for its answer.
    package func send(_ command: String) throws { try process.send(line: command.utf8) }

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
        try process.nextLine(within: 60).map { String(decoding: $0, as: UTF8.self) }
    }
}
