import FPHTTP
import FPServer
import FPUploads
import HTTPTypes
import Support
import Testing

/// Takes the word of a header field for who the user is, as behind a proxy that authenticates. Nobody's word counts for
/// more than that.
private struct UserField: Authenticator {
    func caller(of request: Request, for access: Access) throws(Problem) -> Caller? {
        guard let user = request.headers[values: HTTPField.Name(constant: "X-User")].first else { return nil }
        guard user != "banned" else { throw Problem(.forbidden, "This user may not upload.") }
        return Caller(kind: "user", owner: user)
    }
}

@Suite("Whose an upload is")
struct OwnerTests {
    private static func known(_: inout UploadSettings, settings: inout ServerSettings) {
        settings.authenticators = [UserField()]
        settings.permissions = EndpointPermissions(standard: [.allowAny])
    }

    private func owner(_ id: String, _ house: ServerHouse) async throws -> String? {
        let id = try #require(UploadID(id), "\(id)")
        return try #require(try await house.uploads.upload(id)).owner
    }

    @Test("an upload is its caller's, whichever way it comes in, and nobody's if nothing says who calls")
    func owners() async throws {
        try await ServerHouse.with(Self.known, fetches: true) { house async throws in
            let whole = try await house.upload()
            var form = Form()
            form.add("filepond", file: "a.txt", [1])
            var announcement = Form()
            announcement.add("filepond", "{}")
            for (user, owner) in [([("X-User", "alice")], "alice" as String?), ([], nil)] {
                let file = try await house.send("POST", "/fp/process/", form.headers + user, form.body)
                #expect(try await self.owner(file.text, house) == owner)
                let announced = try await house.send(
                    "POST", "/fp/process/", announcement.headers + [("Upload-Length", "3")] + user, announcement.body)
                #expect(try await self.owner(announced.text, house) == owner)
                try await house.store(whole, "whole.txt")
                let url = "http://127.0.0.1:\(house.client.port)/fp/load/whole.txt"
                let fetched = try await house.send("HEAD", "/fp?fetch=\(url)", user)
                #expect(try await self.owner(try #require(fetched["x-content-transfer-id"]), house) == owner)
            }
            let listed = try await house.call("GET", "/api/v1/uploads?owner=alice").text
            #expect(listed.contains("\"owner\":\"alice\""))
        }
    }

    @Test("a caller whom an authenticator refuses does not pass where everybody else may")
    func refused() async throws {
        try await ServerHouse.with(Self.known) { house async throws in
            let reply = try await house.send("POST", "/fp/process/", [("X-User", "banned"), ("Upload-Length", "1")])
            #expect(reply.status == 403)
            #expect(reply.text == "{\"detail\": \"This user may not upload.\"}")
            #expect(try await house.send("GET", "/healthz", [("X-User", "banned")]).status == 200)
        }
    }
}
