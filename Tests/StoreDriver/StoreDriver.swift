import CDenial
import FPContractDriver
import FPPluginAPI
import Glibc

/// Drives one store from another process, by commands on standard input, so that tests can kill it at any moment, race
/// several of them, and make system calls fail that nothing else can make fail. Every command is answered by one line:
/// "ok ..." or "error STATUS ERRNO FLAGS MESSAGE".
///
///     store-driver LIBRARY [deny:CALL=ERRNO...] KEY=VALUE...
@main
struct StoreDriver {
    private let store: Store
    private var writer: Writer?

    /// A command or argument that is none.
    private struct Misuse: Error {
        let description: String
        init(_ description: String) { self.description = description }
    }

    static func main() {
        do {
            var driver = try StoreDriver(CommandLine.arguments.dropFirst())
            say("ok ready")
            while let line = readLine() {
                let words = line.split(separator: " ").map(String.init)
                do {
                    let answer = try driver.obey(words)
                    say(answer.isEmpty ? "ok" : "ok \(answer)")
                } catch let failure as Failure {
                    report(failure)
                }
            }
        } catch let failure as Failure {
            report(failure)
            exit(1)
        } catch let misuse as Misuse {
            complain(misuse.description)
        } catch {
            complain("\(error)")
        }
    }

    private init(_ arguments: ArraySlice<String>) throws {
        guard let library = arguments.first else { throw Misuse("LIBRARY is missing") }
        var options: [String: String] = [:]
        for argument in arguments.dropFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw Misuse("\(argument) is not KEY=VALUE") }
            if parts[0].hasPrefix("deny:") {
                try Self.deny(String(parts[0].dropFirst(5)), Int32(parts[1]) ?? 0)
            } else {
                options[parts[0]] = parts[1]
            }
        }
        store = try Store(Library(path: library), options: OptionNode(texts: options))
    }

    /// - Returns: what follows "ok".
    private mutating func obey(_ words: [String]) throws -> String {
        func text(_ index: Int) throws -> String {
            guard words.indices.contains(index) else { throw Misuse("\(words) has too few words") }
            return words[index]
        }
        func number<Number: FixedWidthInteger>(_ index: Int) throws -> Number {
            guard let number = Number(try text(index)) else { throw Misuse("\(words) has no number at \(index)") }
            return number
        }
        switch words.first {
        case "begin":  // KEY FLAGS -> TOKEN
            let begun = try store.begin(text(1), flags: number(2))
            writer = begun
            return hexadecimal(begun.token)
        case "resume":  // TOKEN OFFSET -> open OFFSET | committed; OFFSET -1 = as far as durable
            let offset = try text(2) == "-1" ? FP_SIZE_UNKNOWN : number(2)
            guard let resumed = try store.resume(bytes(ofHexadecimal: text(1)), at: offset).writer else {
                return "committed"
            }
            writer = resumed
            return "open \(resumed.offset)"
        case "write":  // COUNT SEED -> OFFSET
            return try write(number(1), seed: number(2))
        case "pour":  // COUNT SEED: writes COUNT again and again and answers each, until it fails or is killed
            while true { Self.say("ok \(try write(number(1), seed: number(2)))") }
        case "sync":  // FLAGS -> DURABLE
            return "\(try open().sync(number(1)))"
        case "commit":  // FLAGS -> SIZE
            return "\(try open().commit(flags: number(1)).size)"
        case "abort":
            try open().abort()
        case "close":
            writer?.close()
            writer = nil
        case "health":  // FLAGS -> STATE LIMITS
            let health = try store.health(flags: number(1))
            return "\(health.state) \(health.limits)"
        case "copy":  // SOURCE TARGET FLAGS -> FLAGS
            return "\(try store.copy(text(1), to: text(2), flags: number(3)).flags)"
        case "remove":  // KEY
            try store.remove(text(1))
        case "stat":  // KEY -> SIZE
            return "\(try store.stat(text(1)).size)"
        case "storm":  // KEY COUNT -> WINS
            return "\(try storm(text(1), rounds: number(2)))"
        case "deny":  // CALL ERRNO
            try Self.deny(text(1), number(2))
        case "user":  // ID
            guard become_user(try number(1)) == 0 else { throw Misuse("cannot change the user") }
        case "files":  // COUNT: of descriptors that may be open
            var limit = rlimit()
            getrlimit(openFiles, &limit)
            limit.rlim_cur = try number(1)
            guard setrlimit(openFiles, &limit) == 0 else { throw Misuse("cannot limit the files") }
        default:
            throw Misuse("unknown command \(words)")
        }
        return ""
    }

    private func open() throws -> Writer {
        guard let writer else { throw Misuse("there is no writer") }
        return writer
    }

    private func write(_ count: UInt64, seed: UInt64) throws -> String {
        let writer = try open()
        try writer.write(Pattern.bytes(writer.offset..<writer.offset + count, seed: seed))
        return "\(writer.offset)"
    }

    /// Puts an object that must not exist and removes it where it was the first to, again and again.
    /// - Returns: how often it was.
    private func storm(_ key: String, rounds: Int) throws -> Int {
        var wins = 0
        for _ in 0..<rounds {
            do {
                let writer = try store.begin(key, flags: FP_W_IF_NOT_EXISTS, size: 1)
                defer { writer.close() }
                try writer.write(Array("x".utf8))
                try writer.commit()
            } catch let failure as Failure where failure.status == FP_E_EXISTS {
                continue
            }
            wins += 1
            try store.remove(key)
        }
        return wins
    }

    private static func deny(_ name: String, _ number: Int32) throws {
        guard deny_system_call(name, number) == 0 else { throw Misuse("cannot deny \(name)") }
    }

    private static func report(_ failure: Failure) {
        say("error \(failure.status) \(failure.errno) \(failure.flags) \(failure.message)")
    }

    /// Not through stdio, whose buffer would die with the process.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        Glibc.write(1, bytes, bytes.count)
    }

    private static func complain(_ text: String) -> Never {
        let bytes = Array("store-driver: \(text)\n".utf8)
        Glibc.write(2, bytes, bytes.count)
        exit(2)
    }
}

/// RLIMIT_NOFILE, which Swift imports as another type than setrlimit(2) takes.
private let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

private func bytes(ofHexadecimal text: String) -> [UInt8] {
    let digits = Array(text)
    return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
}
