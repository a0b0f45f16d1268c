import FPConformance
import FPContractDriver
import Foundation
import Support
import Synchronization

/// Plugins in C, compiled when they are needed: above all `liar.c`, honest or with a lie in its table.
enum Liar {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// `TABLE_LIE` of liar.c, in its order.
    enum TableLie: Int, CaseIterable {
        case none, extraSymbol, movingTable, badVersion, missingSlot, badOption, missingPending, busyEntry
    }

    /// The library with this lie in its table; or another of `Tests/TestPlugins`.
    static func library(
        _ lie: TableLie = .none, source: String = "liar", name: String = "Liar"
    ) async throws -> String {
        try await Background.run { try made(lie, source, name) }
    }

    private static let directory = try? TemporaryDirectory()
    private static let compiled = Mutex<[String: String]>([:])

    private static func made(_ lie: TableLie, _ source: String, _ name: String) throws -> String {
        try compiled.withLock { compiled in
            if let path = compiled["\(source) \(lie)"] { return path }
            guard let directory else { throw Failure(description: "no temporary directory") }
            let place = directory.url.appendingPathComponent("\(source) \(lie)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
            let path = place.appendingPathComponent("lib\(name).so").path
            let tests = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
                .deletingLastPathComponent()
            let header = tests.deletingLastPathComponent().appending(path: "Sources/FPPluginAPI/include").path
            let words =
                ["cc", "-std=gnu11", "-O1", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-w"]
                + ["-DTABLE_LIE=\(lie.rawValue)", "-I", header, "-o", path]
                + [tests.appending(path: "TestPlugins/\(source).c").path, "-lpthread"]
            let status = try ChildProgram.run(
                "/usr/bin/env", words, in: place.path, output: path + ".output", errors: path + ".errors")
            guard status == 0 else { throw Failure(description: "cc cannot compile \(source).c") }
            compiled["\(source) \(lie)"] = path
            return path
        }
    }
}

/// Threads for what blocks, a few at a time: two blocked tasks would stop every other test on two cores.
enum Background {
    private static let queue: OperationQueue = {
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 3
        return queue
    }()

    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.addOperation { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// One run of the kit on a plugin, with a store of its own.
struct Trial: Sendable {
    var plugin: String
    var options: [String: String] = [:]
    var unreachable = false
    var stalled = false
    var timeLimit: Double = 60

    /// The findings of the cases that the patterns name.
    func run(_ patterns: [String] = []) async throws -> [Finding] {
        let (findings, left) = try await findings(patterns)
        if !left.isEmpty { throw Liar.Failure(description: "left behind: \(left)") }
        return findings
    }

    /// The same of a plugin that may be too broken to be cleaned up after.
    func runLying(_ patterns: [String]) async throws -> [Finding] { try await findings(patterns).0 }

    private func findings(_ patterns: [String]) async throws -> ([Finding], left: [String]) {
        let directory = try TemporaryDirectory()
        let plan = plan(directory)
        return try await Background.run {
            var findings: [Finding] = []
            let runner = Runner(plan, jobs: 2)
            try runner.run(Suite.matching(patterns)) { findings.append($0) }
            return withExtendedLifetime(directory) { (findings, runner.cleanUp()) }
        }
    }

    private func plan(_ directory: TemporaryDirectory) -> Plan {
        let given = options.merging(["location": directory.url.appendingPathComponent("store").path]) { first, _ in
            first
        }
        let node = OptionNode(texts: given, secrets: ["secret"])
        func port(_ number: Int) -> OptionNode {
            node.merging(OptionNode(texts: ["port": "\(number)"]))
        }
        let host = HostProcess.products.appendingPathComponent("fphost").path
        return Plan(
            plugin: plugin, options: node, unreachable: unreachable ? port(1) : nil,
            stalled: stalled ? port(Plan.portMark) : nil, seed: 1, command: [host, "plugin", "run-case"],
            timeLimit: timeLimit)
    }
}
