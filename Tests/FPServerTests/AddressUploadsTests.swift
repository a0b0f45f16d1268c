import FPFormats
import FPHTTP
import FPServer
import FPUploads
import Support
import Testing

@Suite("How many uploads one address may send at once")
struct AddressUploadsTests {
    private static let address = "192.0.2.1"

    private func with(
        _ most: Int?, _ change: (inout UploadSettings, inout ServerSettings) throws -> Void = { _, _ in },
        fetches: Bool = false, _ body: (ServerHouse) async throws -> Void
    ) async throws {
        try await ServerHouse.with(
            { uploads, settings in
                uploads.inProgressPerAddress = most
                settings.http.trustedProxies = TrustedProxies([try #require(AddressBlock("127.0.0.1"))])
                try change(&uploads, &settings)
            }, fetches: fetches, body)
    }

    private static func from(_ address: String) -> [(String, String)] { [("X-Forwarded-For", address)] }

    private func announce(_ house: ServerHouse, from address: String = address) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", "{}")
        let headers = form.headers + [("Upload-Length", "10")] + Self.from(address)
        return try await house.send("POST", "/fp/process/", headers, form.body)
    }

    private func upload(_ house: ServerHouse, from address: String = address) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", file: "a.bin", [1, 2, 3])
        return try await house.send("POST", "/fp/process/", form.headers + Self.from(address), form.body)
    }

    private func chunk(_ house: ServerHouse, _ id: String, name: String = "a.bin") async throws -> HTTPReply {
        try await house.send(
            "PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(0, of: 10, name: name) + Self.from("198.51.100.9"),
            Array("0123456789".utf8))
    }

    @Test("of many that come at once exactly so many begin, whoever they are, and another address is not held up")
    func racing() async throws {
        try await with(3) { house async throws in
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 { group.addTask { try await announce(house).status } }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == [200: 3, 429: 37])
            let refused = try await upload(house)
            #expect(refused.status == 429)
            #expect(refused.text.contains("From your address, 3 uploads"), "\(refused.text)")
            #expect(refused["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
            #expect(try await upload(house, from: "192.0.2.2").status == 200)
            #expect(try await announce(house, from: "192.0.2.2").status == 200)
            // What is refused leaves nothing.
            let uploads = try await house.uploads.uploads(matching: UploadQuery()).uploads
            #expect(uploads.count == 5)
            let staged = house.directory.files(below: "staging").filter { !$0.hasSuffix(".m") }
            #expect(staged.count == 5, "\(staged)")
        }
    }

    @Test("of IPv6 addresses those of one /64 are one, and so are all clients that a proxy does not name")
    func networks() async throws {
        try await with(1) { house async throws in
            for (address, status) in [
                ("2001:db8:1:2::1", 200), ("2001:db8:1:2:ffff::2", 429), ("2001:db8:1:3::1", 200), ("192.0.2.1", 200),
                ("::ffff:192.0.2.1", 429), ("192.0.2.3", 200), ("rubbish", 200), ("unknown", 429),
            ] {
                #expect(try await announce(house, from: address).status == status, "\(address)")
                #expect(try await upload(house, from: address).status == 429, "\(address)")
            }
        }
    }

    @Test("the next upload may begin as soon as one ends, however it ends")
    func endings() async throws {
        try await with(
            1,
            { uploads, _ in
                uploads.expireAfter = .milliseconds(200)
                uploads.types = TypeRules(forbid: [.ending("exe")])
            }
        ) { house async throws in
            func expectOne(_ ending: String) async throws -> String {
                let reply = try await announce(house)
                #expect(reply.status == 200, "after \(ending)")
                #expect(try await announce(house).status == 429, "after \(ending)")
                return reply.text
            }
            let whole = try await expectOne("nothing")
            #expect(try await chunk(house, whole).status == 200)
            let reverted = try await expectOne("the last chunk")
            let text = [("Content-Type", "text/plain")]
            #expect(try await house.send("DELETE", "/fp/revert/", text, Array(reverted.utf8)).status == 204)
            let deleted = try await expectOne("a revert")
            #expect(try await house.call("DELETE", "/api/v1/uploads/\(deleted)").status < 300)
            let foul = try await expectOne("a deletion")
            #expect(try await chunk(house, foul, name: "a.exe").status == 415)
            _ = try await expectOne("a file that is not taken")
            _ = try await waitFor("the upload to expire", within: .seconds(60)) {
                await Sweeper(house.uploads).sweep()
                return try await announce(house).status == 200 ? true : nil
            }
        }
    }

    @Test("a form counts from its head on, until it is whole or its connection is gone")
    func forms() async throws {
        try await with(1) { house async throws in
            var form = Form()
            form.add("filepond", file: "a.bin", [1, 2, 3])
            let content = form.body
            let headers = form.headers + Self.from(Self.address) + [("Expect", "100-continue")]
            for isCut in [true, false] {
                let bytes = HTTPClient.request("POST", "/fp/process/", headers: headers, body: content)
                let connection = try await onThread { [port = house.client.port] in
                    let connection = try HTTPConnection(port: port)
                    try connection.send(Array(bytes.dropLast(content.count)))
                    #expect(try connection.readContinue())
                    return connection
                }
                #expect(try await announce(house).status == 429)
                #expect(try await upload(house).status == 429)
                let reply: Int? = try await onThread {
                    if isCut {
                        connection.reset()
                        return nil
                    }
                    try connection.send(content)
                    return try connection.readReply().status
                }
                if let reply { #expect(reply == 200) }
                _ = try await waitFor("the form to count no more", within: .seconds(60)) {
                    try await upload(house).status == 200 ? true : nil
                }
            }
        }
    }

    @Test("nothing is read of a form that is one too many, and no other server is asked for a file")
    func unread() async throws {
        try await with(1, fetches: true) { house async throws in
            #expect(try await announce(house).status == 200)
            for more in ["", "Upload-Length: 100\r\n"] {
                let head =
                    "POST /fp/process/ HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: \(Self.address)\r\nContent-Length: 1000\r\n"
                    + "Content-Type: multipart/form-data; boundary=b\r\n\(more)Expect: 100-continue\r\n\r\n"
                let reply = try await onThread { [port = house.client.port] in
                    let connection = try HTTPConnection(port: port)
                    try connection.send(head)
                    return try connection.readReply()
                }
                #expect(reply.status == 429)
            }
            // Nobody listens there, which would be a 502.
            let fetched = try await house.send(
                "HEAD", "/fp/fetch/?target=http://127.0.0.1:1/a.bin", Self.from(Self.address))
            #expect(fetched.status == 429)
        }
    }

    @Test("without the setting, an address may send any number, and none is kept")
    func unlimited() async throws {
        try await with(nil) { house async throws in
            for _ in 0..<20 { #expect(try await announce(house).status == 200) }
        }
    }
}
