import FPContractDriver
import FPPluginAPI
import Foundation
import Glibc

/// What another process is told to do with its store.
enum PeerCommand: Codable {
    case begin(key: String, flags: UInt32)
    case resume(token: [UInt8], offset: UInt64)
    /// Pattern bytes from the writer's offset on.
    case write(count: Int, seed: UInt64)
    case sync(flags: UInt32)
    case commit
    case abort
    case close
    case discard(token: [UInt8])
    case put(key: String, count: Int, seed: UInt64, flags: UInt32)
    case stat(key: String)
    case remove(key: String)
    case copy(source: String, target: String, flags: UInt32)
    case keys(prefix: String, cursor: [UInt8]?, limit: UInt32)
    case caps
    /// Waits until the clock has come to this, so that several processes begin together.
    case wait(until: Int64)
}

struct PeerAnswer: Codable {
    var status: fp_status = FP_OK
    var message = ""
    /// The writer's offset, the durable offset, or a size.
    var number: UInt64 = 0
    var token: [UInt8] = []
    var keys: [String] = []
    var isCommitted = false
    /// The kit itself could not go on.
    var problem: String?
}

/// A store in a process of its own, so that it can be killed and raced.
final class Peer: @unchecked Sendable {
    // One thread at a time uses a peer; the process is all that it holds.
    private let process: LineProcess
    private let limit: Double

    init(_ plan: Plan) throws {
        process = try LineProcess(Job(role: .peer, plan: plan), leadsGroup: false)
        limit = plan.timeLimit
        let ready = try answer()
        guard ready.status == FP_OK else { throw Broken("in another process, create failed: \(ready.message)") }
    }

    /// Ends the process as a crash would.
    func kill() { process.kill() }

    func send(_ command: PeerCommand) throws { try process.send(command) }

    func answer() throws -> PeerAnswer {
        guard let line = try process.nextLine(within: limit) else {
            throw Broken("another process with this plugin ended all by itself")
        }
        let answer = try JSONDecoder().decode(PeerAnswer.self, from: Data(line))
        if let problem = answer.problem { throw Broken("in another process: \(problem)") }
        return answer
    }

    /// An answer whatever its status.
    func ask(_ command: PeerCommand) throws -> PeerAnswer {
        try send(command)
        return try answer()
    }

    /// The answer of a command that must succeed.
    @discardableResult
    func run(_ command: PeerCommand) throws -> PeerAnswer {
        let answer = try ask(command)
        guard answer.status == FP_OK else {
            throw Failure(slot: "in another process, \(answer.message)", status: answer.status)
        }
        return answer
    }
}

/// The other process: one store, one writer, commands one after the other.
enum PeerServer {
    static func run(_ plan: Plan) {
        do {
            try HostThreads.run { try serve(plan) }
        } catch {
            ChildProcess.answer(answer(for: error))
        }
    }

    private static func serve(_ plan: Plan) throws {
        var invocation = Invocation()
        invocation.secrets = plan.options.secrets
        let store = try Store(Library(path: plan.plugin), options: plan.options, invocation: invocation)
        ChildProcess.answer(PeerAnswer())
        var writer: Writer?
        while let line = Lines.standardInput.next() {
            let command = try JSONDecoder().decode(PeerCommand.self, from: Data(line))
            do {
                ChildProcess.answer(try obey(command, store, &writer))
            } catch {
                ChildProcess.answer(answer(for: error))
            }
        }
    }

    private static func answer(for error: any Error) -> PeerAnswer {
        switch error {
        case let failure as Failure: PeerAnswer(status: failure.status, message: failure.description)
        case let broken as Broken: PeerAnswer(problem: broken.message)
        default: PeerAnswer(problem: "\(error)")
        }
    }

    private static func obey(_ command: PeerCommand, _ store: Store, _ writer: inout Writer?) throws -> PeerAnswer {
        var answer = PeerAnswer()
        switch command {
        case .begin(let key, let flags):
            writer = try store.begin(key, flags: flags)
            answer.token = writer?.firstToken ?? []
        case .resume(let token, let offset):
            switch try store.resume(token, at: offset) {
            case .open(let open):
                writer = open
                answer.number = open.offset
            case .committed: answer.isCommitted = true
            }
        case .write(let count, let seed):
            let from = writer?.offset ?? 0
            try writer?.write(Pattern.bytes(from..<from + UInt64(count), seed: seed))
            answer.number = writer?.offset ?? 0
        case .sync(let flags):
            answer.number = try writer?.sync(flags) ?? 0
            answer.token = writer?.token ?? []
        case .commit: answer.number = try writer?.commit().size ?? 0
        case .abort: try writer?.abort()
        case .close:
            writer?.close()
            writer = nil
        case .discard(let token): try store.discard(token)
        case .put(let key, let count, let seed, let flags):
            let one = try store.begin(key, flags: flags)
            defer { one.close() }
            try one.write(Pattern.bytes(count, seed: seed))
            answer.number = try one.commit().size
        case .stat(let key): answer.number = try store.stat(key).size
        case .remove(let key): try store.remove(key)
        case .copy(let source, let target, let flags):
            answer.number = try store.copy(source, to: target, flags: flags).info.size
        case .keys(let prefix, let cursor, let limit):
            let page = try store.page(ListRequest(prefix: prefix, cursor: cursor, limit: limit))
            answer.keys = page.entries.map(\.key)
            answer.token = page.cursor ?? []
        case .caps: answer.number = try store.capabilities().flags
        case .wait(let until):
            while MonotonicClock.nanoseconds < until { usleep(200) }
        }
        return answer
    }
}
