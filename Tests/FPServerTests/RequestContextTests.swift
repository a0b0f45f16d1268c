import FPFormats
import FPHTTP
import Support
import Testing

@Suite("The id of a request")
struct RequestContextTests {
    @Test("is in every call that a store gets for it, in its problem document, and in nobody else's")
    func storeCalls() async throws {
        let control = PluginControl()
        try await ServerHouse.with(
            { _, server in server.http.trustedProxies = TrustedProxies([try #require(AddressBlock("127.0.0.0/8"))]) },
            sick: ["staging": control]
        ) { house in
            let id = try await house.announce(8)
            let headers = ServerHouse.chunkHeaders(0, of: 8) + [("X-Request-ID", "edge-1")]
            let chunk = try await house.send("PATCH", "/fp/patch/\(id)", headers, Array("whole\r\n\n".utf8))
            #expect(chunk.status == 200)
            for operation in [PluginControl.Operation.write, .writeCommit] {
                #expect(control.wasTraced(operation, by: "edge-1"), "\(operation)")
            }
            let load = try await house.send("GET", "/fp/restore/?id=\(id)", [("X-Request-ID", "edge-2")])
            #expect(load.status == 200)
            #expect(control.wasTraced(.readOpen, by: "edge-2"))
            #expect(control.wasTraced(.read, by: "edge-2"))
            #expect(control.wasTraced(.writeCommit, by: "edge-1"))
        }
    }

    @Test("that is refused is in the problem document")
    func problems() async throws {
        try await ServerHouse.with({ _, server in
            server.http.trustedProxies = TrustedProxies([try #require(AddressBlock("127.0.0.0/8"))])
        }) { house in
            let reply = try await house.send("GET", "/api/v1/uploads", [("X-Request-ID", "edge-3")])
            #expect(reply.status == 401)
            #expect(reply.text.contains("\"instance\":\"edge-3\""))
        }
    }
}
