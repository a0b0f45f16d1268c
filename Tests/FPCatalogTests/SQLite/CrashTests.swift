import Foundation
import Logging
import Support
import Testing

@testable import FPCatalog

/// An upload's whole life in steps that can be told apart in the catalog, so that a number says how far it came.
private enum Life {
    static let steps = 10

    /// Takes the step after `step`.
    static func proceed(_ id: UploadID, after step: Int, in catalog: any Catalog) async throws {
        let now = Timestamp(milliseconds: Int64(step))
        switch step {
        case 0: try await catalog.insert(.receiving(id, owner: "somebody"))
        case 1...4:
            let arrival = ChunkArrival(UInt64(step - 1) * 10, 10, at: now, token: [UInt8(step)])
            guard try await catalog.advance(id, by: arrival) else { throw Lost() }
        case 5:
            let file = FileRecord(name: "a", size: 40, store: "staging", key: "tmp/\(id)/0")
            guard try await catalog.complete(id, file: file, chunk: nil, at: now) else { throw Lost() }
        case 6:
            let place = Destination(store: "media", key: "\(id)")
            guard try await catalog.beginStoring(id, destinations: [place]) else { throw Lost() }
        case 7: guard try await catalog.finishStoring(id, etags: ["e"], at: now) else { throw Lost() }
        case 8: guard try await catalog.beginDeleting(id, from: [.stored]) != nil else { throw Lost() }
        default: try await catalog.forget(id)
        }
    }

    /// The steps after which the catalog may look like this.
    static func steps(_ upload: UploadRecord?) -> Set<Int> {
        switch upload?.state {
        case nil: [0, 10]
        case .receiving: [1 + Int(upload!.session!.committed / 10)]
        case .complete: [6]
        case .storing: [7]
        case .stored: [8]
        case .deleting: [9]
        }
    }

    struct Lost: Error {}
}

@Suite struct CrashTests {
    @Test func `what was acknowledged is there after the process was killed at any moment`() async throws {
        var random = SeededGenerator()
        print("killed catalog: FPHOST_TEST_SEED=\(random.seed)")
        let directory = try TemporaryDirectory()
        let path = directory.catalogPath
        let log = directory.url.path + "/acknowledged"
        var acknowledged: [UploadID: Int] = [:]
        for round in 0..<12 {
            let delay = Int.random(in: 0...150, using: &random)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, log = log as String, delay = delay as Int] in
                try await live(path: path, log: log, delay: delay)
            }
            let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
            for line in lines {
                let parts = line.split(separator: " ")
                acknowledged[try #require(UploadID(String(parts[0])))] = Int(parts[1])
            }
            let catalog = try await directory.openCatalog()
            for (id, step) in acknowledged {
                let upload = try await catalog.upload(id)
                let found = Life.steps(upload)
                // The step after may have been made, and its acknowledgement killed.
                #expect(
                    !found.isDisjoint(with: [step, step + 1]), "round \(round): \(id) was at \(step), is at \(found)")
                for arrived in 0..<4 where step < 8 && arrived < step - 1 {
                    let chunk = try await catalog.chunk(of: id, at: UInt64(arrived) * 10)
                    #expect(
                        chunk == nil ? found == [8] : chunk?.length == 10, "round \(round): chunk \(arrived) of \(id)")
                }
            }
            await catalog.close()
            var problems: [String] = []
            let db = try Connection(path)
            try db.each("PRAGMA integrity_check") { problems.append($0[0]) }
            try db.each("PRAGMA foreign_key_check") { problems.append("\($0[0] as String) without upload") }
            #expect(problems == ["ok"])
        }
        #expect(acknowledged.values.contains { $0 == Life.steps }, "the killed processes got something done")
        #expect(acknowledged.values.contains { $0 < Life.steps }, "they were killed in the midst of something")
    }
}

/// Lives many uploads at once, writes down every step once it is acknowledged, and is killed after `delay`
/// milliseconds.
private func live(path: String, log: String, delay: Int) async throws {
    let file = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    precondition(file >= 0)
    let catalog = try await SQLiteCatalog.open(
        path: path, durability: .process, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) { kill(getpid(), SIGKILL) }
    try await withThrowingTaskGroup { group in
        for _ in 0..<8 {
            group.addTask {
                while true {
                    let id = UploadID.random()
                    for step in 0..<Life.steps {
                        try await Life.proceed(id, after: step, in: catalog)
                        // One write, which other writers cannot divide and the end of the process cannot take back.
                        let line = Array("\(id) \(step + 1)\n".utf8)
                        precondition(write(file, line, line.count) == line.count)
                    }
                }
            }
        }
        try await group.waitForAll()
    }
}
