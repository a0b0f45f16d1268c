import FPHTTP
import FPServer
import FPUploads
import HTTPTypes
import Support
import Testing

/// Takes the word of a header field for who the user is.
private struct UserField: Authenticator {
    func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        request.headers[values: HTTPField.Name(constant: "X-User")].first.map { Caller(kind: "user", owner: $0) }
    }
}

@Suite("what one owner may have")
struct QuotaTests {
    private static let ann = [("X-User", "ann")]
    private static let bob = [("X-User", "bob")]

    private func with(_ limits: OwnerLimits, _ body: (ServerHouse) async throws -> Void) async throws {
        try await ServerHouse.with(
            { uploads, settings in
                uploads.perOwner = limits
                settings.authenticators = [UserField()]
                settings.permissions = EndpointPermissions(standard: [.allowAny])
            }, body)
    }

    private func announce(
        _ house: ServerHouse, _ length: Int?, by user: [(String, String)] = ann
    ) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", "{}")
        let headers = form.headers + user + (length.map { [("Upload-Length", "\($0)")] } ?? [])
        return try await house.send("POST", "/fp/process/", headers, form.body)
    }

    private func upload(
        _ house: ServerHouse, _ size: Int, by user: [(String, String)] = ann
    ) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", file: "a.bin", [UInt8](repeating: 1, count: size))
        return try await house.send("POST", "/fp/process/", form.headers + user, form.body)
    }

    private func revert(_ house: ServerHouse, _ id: String) async throws {
        let reply = try await house.send(
            "DELETE", "/fp/revert/", [("Content-Type", "text/plain")] + Self.ann, Array(id.utf8))
        #expect(reply.status == 204)
    }

    private func statuses(
        _ count: Int, _ request: @escaping @Sendable (Int) async throws -> HTTPReply
    ) async throws -> [Int: Int] {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<count { group.addTask { try await request(number).status } }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }

    @Test("bytes are set aside when they are announced, and given back when the upload goes")
    func bytes() async throws {
        try await with(OwnerLimits(bytes: 1000)) { house in
            let never = try await announce(house, 1001)
            #expect(never.status == 413)
            #expect(never.text.contains("1000 bytes that you may keep"))
            let first = try await announce(house, 600)
            #expect(first.status == 200)
            #expect(try await announce(house, 401).status == 413)
            #expect(try await upload(house, 401).status == 413)
            #expect(try await upload(house, 401, by: Self.bob).status == 200)
            #expect(try await upload(house, 401, by: []).status == 200)
            let second = try await upload(house, 400)
            #expect(second.status == 200)
            #expect(try await upload(house, 1).status == 413)
            #expect(try await upload(house, 0).status == 200)
            try await house.store(second.text, "kept.bin")
            #expect(try await upload(house, 1).status == 413)
            try await revert(house, first.text)
            #expect(try await upload(house, 600).status == 200)
            #expect(try await house.call("DELETE", "/api/v1/uploads/\(second.text)").status < 300)
            #expect(try await upload(house, 400).status == 200)
        }
    }

    @Test("a form that is too much is cut off where the limit is, and leaves nothing")
    func large() async throws {
        try await with(OwnerLimits(bytes: 300_000)) { house in
            let large = try await upload(house, 2_000_000)
            #expect(large.status == 413)
            #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
            #expect(house.filesOnDisk() == [])
            #expect(try await upload(house, 300_000).status == 200)
        }
    }

    @Test("a length that only the first chunk tells is set aside before its bytes are taken")
    func unknownLength() async throws {
        try await with(OwnerLimits(bytes: 1000)) { house in
            let first = try await announce(house, nil).text
            let second = try await announce(house, nil).text
            let half = [UInt8](repeating: 1, count: 300)
            let chunk = { (id: String, length: Int) in
                try await house.send(
                    "PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(0, of: length) + Self.ann, half)
            }
            #expect(try await chunk(first, 600).status == 200)
            #expect(try await chunk(second, 401).status == 413)
            #expect(try await chunk(second, 400).status == 200)
            #expect(try await announce(house, 1).status == 413)
        }
    }

    @Test("of a hundred that come at once, in forms and announced, not a byte too much gets in")
    func racingBytes() async throws {
        try await with(OwnerLimits(bytes: 10_000)) { house in
            let outcomes = try await statuses(100) { number in
                try await number % 2 == 0 ? upload(house, 300) : announce(house, 300)
            }
            #expect(outcomes == [200: 33, 413: 67])
            #expect(try await upload(house, 101).status == 413)
            #expect(try await upload(house, 100).status == 200)
        }
    }

    @Test("an owner has so many uploads and no more")
    func count() async throws {
        try await with(OwnerLimits(uploads: 5)) { house in
            let outcomes = try await statuses(40) { number in
                try await number % 2 == 0 ? upload(house, 3) : announce(house, 3)
            }
            #expect(outcomes == [200: 5, 413: 35])
            #expect(try await upload(house, 3, by: Self.bob).status == 200)
        }
    }

    @Test("an owner sends so many uploads at once and no more, and more once one is whole or gone")
    func inProgress() async throws {
        try await with(OwnerLimits(inProgress: 3)) { house in
            let outcomes = try await statuses(30) { _ in try await announce(house, 10) }
            #expect(outcomes == [200: 3, 429: 27])
            let refused = try await upload(house, 1)
            #expect(refused.status == 429)
            #expect(refused["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
            #expect(try await upload(house, 1, by: Self.bob).status == 200)
            let ids = try await house.uploads.uploads(matching: UploadQuery()).uploads.filter { $0.state == .receiving }
            try await revert(house, ids[0].id.description)
            #expect(try await upload(house, 1).status == 200)
            #expect(try await upload(house, 1).status == 200)
            let content = [UInt8](repeating: 1, count: 10)
            let whole = try await house.send(
                "PATCH", "/fp/patch/\(ids[1].id)", ServerHouse.chunkHeaders(0, of: 10) + Self.ann, content)
            #expect(whole.status == 200)
            #expect(try await announce(house, 1).status == 200)
            #expect(try await announce(house, 1).status == 200)
            #expect(try await announce(house, 1).status == 429)
        }
    }

    @Test("forms that are being received count as well, until they end")
    func forms() async throws {
        try await with(OwnerLimits(inProgress: 2)) { house in
            let uploader = Uploader(owner: "ann")
            let first = house.uploads.beginReception(by: uploader)
            try await first.beginFile(name: "a", declaredType: nil)
            #expect(try await announce(house, 10).status == 200)
            #expect(try await announce(house, 10).status == 429)
            #expect(try await upload(house, 1).status == 429)
            try await first.endFile()
            _ = try await first.finish(metadata: nil)
            let second = house.uploads.beginReception(by: uploader)
            try await second.beginFile(name: "a", declaredType: nil)
            #expect(try await announce(house, 10).status == 429)
            await second.abandon()
            #expect(try await announce(house, 10).status == 200)
        }
    }
}
