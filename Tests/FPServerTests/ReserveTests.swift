import FPUploads
import Support
import Testing

@Suite("reserve of free space")
struct ReserveTests {
    private func with(
        free: Int, reserve: UInt64, _ body: (ServerHouse, PluginControl) async throws -> Void
    ) async throws {
        let control = PluginControl()
        control[.health, .free] = free
        try await ServerHouse.with({ uploads, _ in uploads.reserve = reserve }, sick: ["staging": control]) { house in
            try await body(house, control)
        }
    }

    private func announce(_ house: ServerHouse, _ length: Int) async throws -> HTTPReply {
        try await house.send("POST", "/fp", [("Upload-Length", "\(length)")])
    }

    private func expectRefusal(_ reply: HTTPReply) {
        #expect(reply.status == 507, "\(reply.text)")
        #expect(reply["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
        #expect(!reply.text.contains("staging"))
    }

    @Test("an upload begins only if the reserve stays free behind it, and one that has begun goes on")
    func announced() async throws {
        try await with(free: 1 << 20, reserve: 1 << 19) { house, control in
            let id = try await house.announce(1000)
            // As if those had arrived, for the store may be asked again before each of the next.
            control[.health, .free] = (1 << 20) - 1000
            expectRefusal(try await announce(house, (1 << 19) + 1))
            #expect(try await announce(house, (1 << 19) - 1000).status == 200)
            // As if that had arrived: whether the store is asked again or not, there is no more room.
            control[.health, .free] = 1 << 19
            expectRefusal(try await announce(house, 1))
            let content = String(repeating: "x", count: 1000)
            #expect(try await house.patch(id, 0, of: 1000, content).status == 200)
        }
    }

    @Test("a form that says how long it is is refused before its bytes are taken, and leaves nothing")
    func forms() async throws {
        try await with(free: 100_000, reserve: 50_000) { house, control in
            var form = Form()
            form.add("filepond", file: "a.bin", [UInt8](repeating: 1, count: 60_000))
            expectRefusal(try await house.send("POST", "/fp/process/", form.headers, form.body))
            #expect(control[.writeBegin, .calls] == 0)
            #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
            _ = try await house.upload("a.txt", "small")
        }
    }

    @Test("a store that does not say how much room it has takes everything", arguments: [false, true])
    func unknown(fails: Bool) async throws {
        try await with(free: -1, reserve: 1 << 40) { house, control in
            if fails { control.fail(.health, 200) }
            let reply = try await announce(house, 1 << 30)
            #expect(reply.status == 200)
        }
    }
}
