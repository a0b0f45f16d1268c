import Foundation
import Support
import Synchronization
import Testing

/// What a client knows of one of its uploads: the last thing that the host acknowledged, and what it has asked for.
private struct ClientView: Sendable {
    let id: String
    let content: [UInt8]
    let chunk: Int
    var acknowledged = 0
    var isStoreRequested = false
    var isStoreAcknowledged = false

    var isComplete: Bool { acknowledged == content.count }
    var path: String { "crash/\(id).bin" }
}

/// What every client knows, whatever becomes of the host.
private final class Ledger: Sendable {
    private let known = Mutex<[String: ClientView]>([:])

    func note(_ view: ClientView) {
        known.withLock { $0[view.id] = view }
    }

    var views: [ClientView] { known.withLock { Array($0.values) } }
}

private struct Client: Sendable {
    static let token = [("Authorization", "Bearer test-token")]

    let http: HTTPClient

    func create(_ content: [UInt8], chunk: Int) async throws -> ClientView {
        let boundary = "crash-test"
        let form = "--\(boundary)\r\nContent-Disposition: form-data; name=\"filepond\"\r\n\r\n{}\r\n--\(boundary)--\r\n"
        let reply = try await http.send(
            "POST", "/fp/process/",
            headers: [
                ("Content-Type", "multipart/form-data; boundary=\(boundary)"), ("Upload-Length", "\(content.count)"),
            ], body: Array(form.utf8))
        try #require(reply.status == 200, "\(reply.text)")
        return ClientView(id: reply.text, content: content, chunk: chunk)
    }

    /// Sends the next chunk and notes its acknowledgement.
    func sendChunk(of view: inout ClientView) async throws {
        let end = min(view.acknowledged + view.chunk, view.content.count)
        let reply = try await http.send(
            "PATCH", "/fp/patch/\(view.id)",
            headers: [
                ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(view.acknowledged)"),
                ("Upload-Length", "\(view.content.count)"), ("Upload-Name", "crash.bin"),
            ], body: Array(view.content[view.acknowledged..<end]))
        try #require(reply.status == 200 || reply.status == 204, "\(reply.status) \(reply.text)")
        view.acknowledged = end
    }

    func store(_ view: ClientView) async throws -> HTTPReply {
        try await http.send(
            "POST", "/api/v1/uploads/\(view.id)/store",
            headers: Self.token + [("Content-Type", "application/json")],
            body: Array(#"{"path": "\#(view.path)"}"#.utf8))
    }

    func state(of view: ClientView) async throws -> String {
        let reply = try await http.send("GET", "/api/v1/uploads/\(view.id)", headers: Self.token)
        try #require(reply.status == 200, "\(reply.status) \(reply.text)")
        let object = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
        return try #require(object?["state"] as? String)
    }
}

@Suite("The host is killed at any moment", .serialized)
struct CrashTests {
    static let rounds = ProcessInfo.processInfo.environment["FPHOST_CRASH_ROUNDS"].flatMap { Int($0) } ?? 100

    @Test("every acknowledged byte is there, and no upload is in two places or in none")
    func killedAtRandom() async throws {
        var random = SeededGenerator()
        print("crash test: FPHOST_TEST_SEED=\(random.seed)")
        let directory = try TemporaryDirectory()
        for round in 0..<Self.rounds {
            let host = try await HostProcess(in: directory)
            let lifetime = Duration.microseconds(Int.random(in: 0...60_000, using: &random))
            let contents = (0..<3).map { _ in random.bytes(Int.random(in: 1...400_000, using: &random)) }
            let chunks = contents.map { _ in Int.random(in: 10_000...150_000, using: &random) }
            let views = try await workUntilKilled(host, contents: contents, chunks: chunks, lifetime: lifetime)
            let again = try await HostProcess(in: directory)
            for view in views {
                do {
                    try await verify(view, client: Client(http: again.client), directory: directory)
                } catch {
                    Issue.record("round \(round), seed \(random.seed), upload \(view.id): \(error)\n\(again.logText)")
                    return
                }
            }
            try await again.kill()
        }
    }

    private func workUntilKilled(
        _ host: HostProcess, contents: [[UInt8]], chunks: [Int], lifetime: Duration
    ) async throws -> [ClientView] {
        let client = Client(http: host.client)
        let ledger = Ledger()
        await withTaskGroup(of: Void.self) { group in
            for (content, chunk) in zip(contents, chunks) {
                group.addTask {
                    // The host dies under this; what it had acknowledged is in the ledger.
                    try? await Self.work(client, content: content, chunk: chunk, ledger: ledger)
                }
            }
            group.addTask {
                try? await Task.sleep(for: lifetime)
                try? await host.kill()
            }
        }
        return ledger.views
    }

    private static func work(_ client: Client, content: [UInt8], chunk: Int, ledger: Ledger) async throws {
        var view = try await client.create(content, chunk: chunk)
        ledger.note(view)
        while !view.isComplete {
            try await client.sendChunk(of: &view)
            ledger.note(view)
        }
        view.isStoreRequested = true
        ledger.note(view)
        let reply = try await client.store(view)
        view.isStoreAcknowledged = reply.status == 200
        ledger.note(view)
    }

    private func verify(_ known: ClientView, client: Client, directory: TemporaryDirectory) async throws {
        var view = known
        var state = try await client.state(of: view)
        if state == "receiving" {
            try #require(!view.isStoreRequested)
            let head = try await client.http.send("HEAD", "/fp/patch/\(view.id)")
            let offset = try #require(head["upload-offset"].flatMap { Int($0) })
            try #require(offset >= view.acknowledged, "\(offset) bytes are left of \(view.acknowledged)")
            try #require(offset % view.chunk == 0, "\(offset) is not the end of a chunk of \(view.chunk)")
            view.acknowledged = offset
            while !view.isComplete { try await client.sendChunk(of: &view) }
            state = try await client.state(of: view)
        }
        if view.isStoreAcknowledged { try #require(state == "stored") }
        try #require(state == "complete" || (state == "stored" && view.isStoreRequested), "the state is \(state)")
        try await requireOnePlace(view, isStored: state == "stored", in: directory)
        let content = try await client.http.send(
            "GET", "/api/v1/uploads/\(view.id)/content", headers: Client.token)
        try #require(content.status == 200 && content.body == view.content, "the bytes differ")
        if state == "complete" {
            let reply = try await client.store(view)
            try #require(reply.status == 200, "\(reply.status) \(reply.text)")
            try await requireOnePlace(view, isStored: true, in: directory)
        }
    }

    private func requireOnePlace(_ view: ClientView, isStored: Bool, in directory: TemporaryDirectory) async throws {
        _ = try await waitFor("\(view.id) to be in one place", within: .seconds(10)) { () -> Bool? in
            let staged = directory.files(below: "data/staging").filter { $0.hasPrefix(view.id) }
            let stored = directory.files(below: "data/media").filter { $0 == view.path }
            return staged.count == (isStored ? 0 : 1) && stored.count == (isStored ? 1 : 0) ? true : nil
        }
    }
}
