import Foundation
import Support
import Testing

@Suite("A host that strangers reach")
struct ExposureTests {
    private static func complaints(about settings: String) async throws -> (status: Int32, errors: String) {
        let directory = try TemporaryDirectory()
        let text = HostProcess.plainConfiguration.split(separator: "\n")
            .filter { !$0.hasPrefix("server:") }.joined(separator: "\n")
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try (text + "\n" + settings).write(to: file, atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["check"], in: directory)
        return (result.status, result.errors)
    }

    @Test(
        "is refused while nobody has said that everybody may upload",
        arguments: [
            "0.0.0.0:0", "\":0\"", "example.org:80", "[127.0.0.1:0, \"[2001:db8::1]:80\"]",
        ])
    func refused(listen: String) async throws {
        let server = "server: {listen: \(listen)}\n"
        let result = try await Self.complaints(about: server)
        #expect(result.status == 78)
        #expect(result.errors.contains("permissions: open"), "\(result.errors)")
        #expect(result.errors.contains("POST_PROCESS"), "\(result.errors)")
        let one = try await Self.complaints(about: server + "permissions: {POST_PROCESS: AllowAny}\n")
        #expect(one.status == 78)
        #expect(!one.errors.contains("POST_PROCESS") && one.errors.contains("GET_LOAD"), "\(one.errors)")
        for open in ["permissions: IsOwner", "permissions: {default: IsAuthenticated, GET_FETCH: IsOwner}"] {
            let result = try await Self.complaints(about: server + open + "\n")
            #expect(result.status == 78 && result.errors.contains("would be open"), "\(open): \(result.errors)")
        }
        for good in ["permissions: open", "permissions: IsAuthenticated", "permissions: FromNetwork(10.0.0.0/8)"] {
            let result = try await Self.complaints(about: server + good + "\n")
            #expect(result.status == 0, "\(good): \(result.errors)")
        }
    }

    @Test(
        "needs no word where only this machine's users reach it",
        arguments: ["127.0.0.1:0", "localhost:0", "\"[::1]:0\"", "unix:fp.sock"])
    func local(listen: String) async throws {
        let result = try await Self.complaints(about: "server: {listen: \(listen)}\n")
        #expect(result.status == 0, "\(result.errors)")
    }

    @Test("does not show them the demonstration page unless everything is open")
    func demonstration() async throws {
        let server = "server: {listen: 0.0.0.0:0, demo: true}\n"
        let result = try await Self.complaints(about: server + "permissions: IsAuthenticated\n")
        #expect(result.status == 78)
        #expect(result.errors.contains("demonstration page"), "\(result.errors)")
        #expect(try await Self.complaints(about: server + "permissions: open\n").status == 0)
    }

    @Test("does not start when it is refused")
    func serve() async throws {
        let directory = try TemporaryDirectory()
        let text = HostProcess.plainConfiguration.replacing("127.0.0.1:0", with: "0.0.0.0:0")
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(["serve"], in: directory)
        #expect(result.status == 78)
        #expect(result.errors.contains("permissions: open"), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: directory.url.appendingPathComponent("data").path))
    }
}
