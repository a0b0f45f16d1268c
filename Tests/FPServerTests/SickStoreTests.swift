import Support
import Synchronization
import Testing

/// What a store does that is not well, under load; the other stores are on a healthy disk.
enum Sickness: String, CaseIterable, Sendable {
    case fails, hangs

    /// What clients' requests come down to.
    private static let operations: [PluginControl.Operation] = [
        .writeBegin, .writeResume, .write, .writeSync, .writeCommit, .readOpen, .stat, .health,
    ]

    func begin(_ control: PluginControl) {
        for operation in Self.operations {
            switch self {
            case .fails: control.fail(operation, 200)
            case .hangs: control.hang(operation)
            }
        }
    }

    func end(_ control: PluginControl) {
        for operation in Self.operations {
            control.heal(operation)
            control.release(operation)
        }
    }
}

final class Count: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add() { count.withLock { $0 += 1 } }
}

@Suite("A store that is not well")
struct SickStoreTests {
    /// Requests to healthy stores, again and again, until the test says that it is enough.
    private func keepBusy(_ house: ServerHouse, _ request: @escaping @Sendable (Int) async throws -> Void)
        -> Task<Int, any Error>
    {
        Task {
            var count = 0
            while !Task.isCancelled {
                try await request(count)
                count += 1
            }
            return count
        }
    }

    private func expectRefusal(_ reply: HTTPReply, _ comment: Comment) {
        #expect([503, 504].contains(reply.status), comment)
        #expect(reply["retry-after"].flatMap { Int($0) } ?? 0 >= 1, comment)
    }

    @Test("under load, costs those who need it a 503 and nobody else anything", arguments: Sickness.allCases)
    func otherStoresGoOn(_ sickness: Sickness) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["media": control]) { house async throws in
            sickness.begin(control)
            let content = String(repeating: "0123456789abcdef", count: 10_000)
            let busy = (0..<4).map { lane in
                keepBusy(house) { count in
                    let id = try await house.upload("busy.txt", content)
                    let path = "{\"path\": \"\(lane)/\(count)\", \"store\": \"archive\"}"
                    let stored = try await house.call("POST", "/api/v1/uploads/\(id)/store", json: path)
                    try #require(stored.status == 200, "\(stored.text)")
                    let read = try await house.call("GET", "/api/v1/uploads/\(id)/content")
                    try #require(read.text == content)
                }
            }
            let id = try await house.upload("patient.txt", content)
            var statuses: [Int] = []
            for _ in 0..<20 {
                let reply = try await house.call(
                    "POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"patient.txt\"}")
                expectRefusal(reply, "\(reply.status) \(reply.text)")
                statuses.append(reply.status)
            }
            #expect(statuses.last == 503, "a store that is down says so at once: \(statuses)")
            let ready = try await house.send("GET", "/readyz")
            #expect(ready.status == 503 && ready.text.contains("media"), "\(ready.text)")
            #expect(try await house.send("GET", "/healthz").status == 200)
            for task in busy { task.cancel() }
            for task in busy { #expect(try await task.value > 0) }
            sickness.end(control)
            try await waitFor("the store to recover", within: .seconds(60)) {
                let reply = try await house.call(
                    "POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"patient.txt\"}")
                return reply.status == 200 ? true : nil
            }
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == content)
        }
    }

    @Test("as staging, interrupts uploads that then finish with the same bytes", arguments: Sickness.allCases)
    func interruptedUploadsFinish(_ sickness: Sickness) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control]) { house async throws in
            let stored = try await house.upload("stored.txt", "long before")
            try await house.store(stored, "stored.txt")
            let chunks = (0..<5).map { chunk in String(repeating: "\(chunk)", count: 100_000) }
            let size = chunks.reduce(0) { $0 + $1.utf8.count }
            let refusals = Count()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for upload in 0..<6 {
                    group.addTask {
                        let id = try await house.announce(size)
                        var offset = 0
                        for (index, chunk) in chunks.enumerated() {
                            if upload == 0, index == 2 { sickness.begin(control) }
                            let start = offset
                            // As FilePond does: the same chunk again after any failure.
                            try await waitFor("chunk \(index) of upload \(upload)", within: .seconds(60)) {
                                let reply = try await house.patch(id, start, of: size, chunk)
                                if reply.status == 200 { return true }
                                expectRefusal(reply, "\(reply.status) \(reply.text)")
                                refusals.add()
                                return nil
                            }
                            offset += chunk.utf8.count
                        }
                        let whole = try await house.call("GET", "/api/v1/uploads/\(id)/content")
                        #expect(whole.status == 200 && whole.text == chunks.joined())
                    }
                }
                group.addTask {
                    try await waitFor("refusals", within: .seconds(60)) {
                        let read = try await house.send("GET", "/fp/load/?id=\(stored)")
                        #expect(read.status == 200 && read.text == "long before")
                        return refusals.value >= 12 ? true : nil
                    }
                    sickness.end(control)
                }
                try await group.waitForAll()
            }
        }
    }

    private func storing(_ house: ServerHouse, _ id: String, _ path: String) async throws -> HTTPReply {
        try await house.call("POST", "/api/v1/uploads/\(id)/store", json: "{\"path\": \"\(path)\"}")
    }

    @Test("whose answer to a move is lost has the file, and the application hears so")
    func lostMove() async throws {
        let staging = PluginControl()
        let media = PluginControl()
        try await ServerHouse.with(sick: ["staging": staging, "media": media], patience: .seconds(30)) {
            house async throws in
            let id = try await house.upload("a.txt", "moved once")
            media.loseAnswers(.transfer)
            let reply = try await storing(house, id, "a.txt")
            #expect(reply.status == 200 && reply.text.contains("\"stored\""), "\(reply.text)")
            #expect(media[.transfer, .calls] == 1)
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == "moved once")
        }
    }

    @Test("that finds the path taken at the last moment does not pass another's file off as the upload's")
    func takenAtTheLastMoment() async throws {
        let staging = PluginControl()
        let media = PluginControl()
        try await ServerHouse.with(sick: ["staging": staging, "media": media], patience: .seconds(30)) {
            house async throws in
            let id = try await house.upload("a.txt", "precious")
            media.fail(.transfer, 101, times: 1)
            media.hang(.stat)
            let reply = Task { try await storing(house, id, "a.txt") }
            try await waitFor("the look at the path", within: .seconds(20)) {
                media[.stat, .inFlight] == 1 ? true : nil
            }
            // An object of that size appears, and the copy says so.
            media.loseAnswers(.transfer, 111, times: 1)
            media[.transfer, .errorFlags] = 0
            media.release(.stat)
            #expect(try await reply.value.status == 409)
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)").text.contains("\"complete\""))
            #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == "precious")
            #expect(try await storing(house, id, "b.txt").status == 200)
        }
    }

    @Test(
        "with a file that came whole, is asked again for what failed in passing, and loses no answer",
        arguments: [100, 600_000])
    func passingFailures(_ size: Int) async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            let content = String(repeating: "x", count: size)
            var ids: [String] = []
            for operation in [PluginControl.Operation.writeBegin, .writeCommit] {
                control.fail(operation, 200, times: 1)
                ids.append(try await house.upload("a.txt", content))
            }
            control.loseAnswers(.writeCommit, times: 1)
            ids.append(try await house.upload("b.txt", content))
            for id in ids {
                #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == content)
            }
        }
    }

    @Test("at the end of the last chunk, has it committed once, whatever became of the answer")
    func lostCommit() async throws {
        let control = PluginControl()
        try await ServerHouse.with(sick: ["staging": control], patience: .seconds(30)) { house async throws in
            for isResumed in [false, true] {
                let id = try await house.announce(10)
                #expect(try await house.patch(id, 0, of: 10, "01234").status == 200)
                if isResumed {
                    // A failed write puts the writer down; the next chunk resumes.
                    control.fail(.write, 200, times: 1)
                    #expect(try await house.patch(id, 5, of: 10, "56789").status == 503)
                }
                control.loseAnswers(.writeCommit, times: 1)
                #expect(try await house.patch(id, 5, of: 10, "56789").status == 200)
                #expect(try await house.call("GET", "/api/v1/uploads/\(id)/content").text == "0123456789")
            }
        }
    }
}
