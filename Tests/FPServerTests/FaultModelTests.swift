import FPUploads
import Foundation
import Support
import Testing

/// What clients know of their uploads, held against a host whose stores fail at any call, before the work or after it.
@Suite("Any fault, at any door")
struct FaultModelTests {
    /// Where an upload stands, as far as its client knows.
    private enum Standing: Hashable {
        case receiving(Int)
        case complete
        case stored(String, String)
        case gone
        /// Forgotten by the host, and its file kept.
        case released(String, String)
    }

    private struct Known {
        let id: String
        let content: [UInt8]
        /// A second file, of an upload that came as a form.
        var variant: [UInt8]?
        var standing: Standing

        /// Where its files are stored.
        func paths(_ path: String) -> [String] { variant == nil ? [path] : [path, path + ".variant"] }
    }

    /// A failure that says nothing of the bytes: those that do, such as *gone*, are the store's word.
    private static let statuses = [122, 200, 201, 403, 900, 901]
    private static let operations: [PluginControl.Operation] = [
        .stat, .readOpen, .read, .readFD, .writeBegin, .writeResume, .write, .writeSync, .writeCommit, .writeAbort,
        .writeDiscard, .remove, .copy, .transfer, .list, .listPending,
    ]
    private static let chunk = 7_000

    /// Requests that failed.
    private let felt = Count()
    private let staging = PluginControl()
    private let media = PluginControl()

    @Test("whatever a store does, each upload is what its client was told, byte for byte, and nothing is left over")
    func everyDoor() async throws {
        var random = SeededGenerator()
        print("faults at every door: FPHOST_TEST_SEED=\(random.seed)")
        try await ServerHouse.with(
            { settings, _ in settings.expireAfter = .milliseconds(1) }, sick: ["staging": staging, "media": media],
            patience: .seconds(5)
        ) { house async throws in
            var uploads: [Known] = []
            for _ in 0..<150 {
                spoil(&random)
                try await step(house, &uploads, &random)
                heal()
            }
            #expect(felt.value > 2, "the faults were felt")
            try await settle(house)
            for upload in uploads { try await check(upload, house, "in the end") }
            try await checkNothingIsLeft(house, uploads)
        }
    }

    // MARK: - Faults

    /// Has calls of each kind fail in one of the stores after some that go well; now and then none.
    private func spoil(_ random: inout SeededGenerator) {
        guard Bool.random(using: &random) else { return }
        let control = Bool.random(using: &random) ? staging : media
        for operation in Self.operations {
            let times = [1, 2, -1].randomElement(using: &random) ?? 1
            control[operation, .spared] = Int.random(in: 0...2, using: &random)
            if Bool.random(using: &random) {
                control.loseAnswers(operation, 200, times: times)
            } else {
                control.fail(operation, Self.statuses.randomElement(using: &random) ?? 200, times: times)
            }
        }
    }

    private func heal() {
        for control in [staging, media] {
            for operation in Self.operations {
                control.heal(operation)
                control[operation, .errorFlags] = 0
                control[operation, .spared] = 0
            }
        }
    }

    // MARK: - What clients do

    private func step(
        _ house: ServerHouse, _ uploads: inout [Known], _ random: inout SeededGenerator
    ) async throws {
        func pick(_ condition: (Standing) -> Bool) -> Int? {
            uploads.indices.filter { condition(uploads[$0].standing) }.randomElement(using: &random)
        }
        switch Int.random(in: 0..<9, using: &random) {
        case 0: try await process(house, &uploads, &random)
        case 1: try await announce(house, &uploads, &random)
        case 2, 3:
            guard let index = pick({ if case .receiving = $0 { true } else { false } }) else { return }
            try await sendChunk(house, &uploads[index], &random)
        case 4, 5:
            guard let index = pick({ $0 == .complete }) else { return }
            try await store(house, &uploads[index], &random)
        case 6:
            guard let index = pick({ $0 != .gone }) else { return }
            try await take(house, &uploads[index], &random)
        default:
            guard let index = pick({ _ in true }) else { return }
            try await check(uploads[index], house, "meanwhile")
        }
    }

    private func process(
        _ house: ServerHouse, _ uploads: inout [Known], _ random: inout SeededGenerator
    ) async throws {
        let content = random.bytes([0, 100, 300_000].randomElement(using: &random) ?? 0)
        var form = Form()
        form.add("filepond", "{}")
        form.add("filepond", file: "a.bin", content)
        let variant = Bool.random(using: &random) ? random.bytes(50) : nil
        if let variant { form.add("filepond", file: "small.bin", variant) }
        let reply = try await house.send("POST", "/fp/process/", form.headers, form.body)
        guard isDone(reply) else { return }
        uploads.append(Known(id: reply.text, content: content, variant: variant, standing: .complete))
    }

    private func announce(
        _ house: ServerHouse, _ uploads: inout [Known], _ random: inout SeededGenerator
    ) async throws {
        let content = random.bytes(Int.random(in: 1...4 * Self.chunk, using: &random))
        var form = Form()
        form.add("filepond", "{}")
        let headers = form.headers + [("Upload-Length", "\(content.count)")]
        let reply = try await house.send("POST", "/fp/process/", headers, form.body)
        guard isDone(reply) else { return }
        uploads.append(Known(id: reply.text, content: content, standing: .receiving(0)))
    }

    private func sendChunk(_ house: ServerHouse, _ upload: inout Known, _ random: inout SeededGenerator) async throws {
        guard case .receiving(let offset) = upload.standing else { return }
        // Now and then the chunk before once more, as after a lost answer.
        let start = offset >= Self.chunk && Int.random(in: 0..<5, using: &random) == 0 ? offset - Self.chunk : offset
        let end = min(start + Self.chunk, upload.content.count)
        let reply = try await house.send(
            "PATCH", "/fp/patch/\(upload.id)", ServerHouse.chunkHeaders(start, of: upload.content.count),
            Array(upload.content[start..<end]))
        let after: Standing = end == upload.content.count ? .complete : .receiving(max(offset, end))
        try await conclude(&upload, after, isDone(reply), house)
    }

    private func store(_ house: ServerHouse, _ upload: inout Known, _ random: inout SeededGenerator) async throws {
        // To archive no store can move: the bytes are streamed.
        let target = ["media", "archive"].randomElement(using: &random) ?? "media"
        let path = "\(Int.random(in: 0..<3, using: &random))/\(upload.id).bin"
        let variants = upload.paths(path).dropFirst().map { ", \"variants\": [\"\($0)\"]" }.joined()
        let reply = try await house.call(
            "POST", "/api/v1/uploads/\(upload.id)/store",
            json: "{\"path\": \"\(path)\", \"store\": \"\(target)\"\(variants)}")
        try await conclude(&upload, .stored(target, path), isDone(reply), house)
    }

    private func take(_ house: ServerHouse, _ upload: inout Known, _ random: inout SeededGenerator) async throws {
        let reply: HTTPReply
        var after = Standing.gone
        switch upload.standing {
        case .gone, .released: return
        case .stored(let store, let path):
            let isKept = Bool.random(using: &random)
            if isKept { after = .released(store, path) }
            reply = try await house.call("DELETE", "/api/v1/uploads/\(upload.id)?delete_file=\(!isKept)")
        case .receiving, .complete:
            reply = try await house.send(
                "DELETE", "/fp/revert/", [("Content-Type", "text/plain")], Array(upload.id.utf8))
        }
        try await conclude(&upload, after, isDone(reply), house)
    }

    /// Whether the request succeeded. What a store's failure costs is a 5xx, never a fault of the client's.
    private func isDone(_ reply: HTTPReply) -> Bool {
        #expect(
            (200..<300).contains(reply.status) || [500, 502, 503, 504, 507].contains(reply.status), "\(reply.text)")
        if reply.status >= 300 { felt.add() }
        return reply.status < 300
    }

    /// Takes down what came of a request: what was asked for, or else that or what was before, as the host says.
    private func conclude(
        _ upload: inout Known, _ after: Standing, _ isDone: Bool, _ house: ServerHouse
    ) async throws {
        if isDone {
            upload.standing = after
            return
        }
        heal()
        let found = try await standing(of: upload, house)
        let isReleased = if case .released = after { found == .gone } else { false }
        let isAsKnown = found == upload.standing || found == after || isReleased
        #expect(isAsKnown, "\(upload.id) was \(upload.standing), was to be \(after), and is \(found)")
        upload.standing = isReleased ? after : found
    }

    // MARK: - What the host says

    private func standing(of upload: Known, _ house: ServerHouse) async throws -> Standing {
        try await waitFor("the end of \(upload.id)'s storing", within: .seconds(30)) {
            let reply = try await house.call("GET", "/api/v1/uploads/\(upload.id)")
            guard reply.status == 200 else {
                try #require(reply.status == 404, "\(reply.text)")
                return .gone
            }
            let state = try reply.member("state")
            switch state {
            case "receiving":
                let head = try await house.send("HEAD", "/fp/patch/\(upload.id)")
                return .receiving(try #require(head["upload-offset"].flatMap { Int($0) }))
            case "complete": return .complete
            case "stored": return .stored(try reply.member("store"), try reply.member("path"))
            default:
                await house.uploads.recover()
                return nil
            }
        }
    }

    /// Holds an upload against the host. While a store fails, a download may fail too.
    private func check(_ upload: Known, _ house: ServerHouse, _ moment: String) async throws {
        let target: String
        switch upload.standing {
        case .gone, .released:
            let reply = try await house.call("GET", "/api/v1/uploads/\(upload.id)")
            #expect(reply.status == 404, "\(moment): \(upload) is answered \(reply.text)")
            return
        case .receiving(let offset):
            let reply = try await house.send("HEAD", "/fp/patch/\(upload.id)")
            guard isDone(reply) else { return }
            #expect(reply["upload-offset"] == "\(offset)", "\(moment): \(upload.id) is at \(offset)")
            return
        case .complete: target = "/fp/restore/?id=\(upload.id)"
        case .stored: target = "/fp/load/?id=\(upload.id)"
        }
        try await check(target, upload.content, house, "\(moment): \(upload.id), \(upload.standing)", moment)
        if let variant = upload.variant {
            let target = "/api/v1/uploads/\(upload.id)/files/1/content"
            try await check(target, variant, house, "\(moment): \(upload.id)'s variant, \(upload.standing)", moment)
        }
    }

    private func check(
        _ target: String, _ content: [UInt8], _ house: ServerHouse, _ about: String, _ moment: String
    ) async throws {
        // A body that breaks off is no answer.
        guard let reply = try? await house.call("GET", target), isDone(reply) else {
            #expect(moment == "meanwhile", "\(about) cannot be read")
            return
        }
        #expect(reply.body == content, "\(about) has other bytes")
    }

    // MARK: - The end

    /// Heals everything, and sweeps until nothing is on its way any more.
    private func settle(_ house: ServerHouse) async throws {
        heal()
        try await waitFor("the stores to be well", within: .seconds(60)) {
            try await house.send("GET", "/readyz").status == 200 ? true : nil
        }
        await house.uploads.recover()
    }

    /// Each store has the files of its records, and those that were to be kept, and nothing else.
    private func checkNothingIsLeft(_ house: ServerHouse, _ uploads: [Known]) async throws {
        for name in ["media", "archive"] {
            let kept = uploads.flatMap { upload -> [String] in
                switch upload.standing {
                case .stored(name, let path), .released(name, let path): upload.paths(path)
                default: []
                }
            }
            #expect(try await house.keys(in: name) == Set(kept), "\(name) has what its records say")
        }
        var left: Set<String> = []
        for _ in 0..<20 {
            await Sweeper(house.uploads).sweep()
            left = try await house.keys(in: "staging").subtracting([CatalogMark.key])
            if left.isEmpty { return }
            // What is to go is older than any temporary upload may become: a millisecond here.
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("\(left) are left in staging of \(uploads)")
    }
}

extension HTTPReply {
    /// A member of a JSON object that is a text.
    fileprivate func member(_ name: String) throws -> String {
        let document = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        return try #require(document?[name] as? String)
    }
}
