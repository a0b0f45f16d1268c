import Foundation
import Support
import Testing

import class PluginTestKit.SmallDisk

/// What becomes of acknowledged bytes when disks fill up or go away, and the host is told to stop.
@Suite("Weather")
struct WeatherTests {
    private static let chunk = [UInt8](repeating: 7, count: 1000)

    private static func configuration(staging: String = "./data/staging") -> String {
        HostProcess.plainConfiguration
            .replacingOccurrences(of: "location: ./data/staging}", with: "location: \(staging)}")
            .replacingOccurrences(of: "{listen: 127.0.0.1:0}", with: "{listen: 127.0.0.1:0, timeouts: {shutdown: 3s}}")
    }

    private func announce(_ host: HostProcess) async throws -> String {
        let reply = try await host.client.send("POST", "/fp/process/", headers: [("Upload-Length", "2000")])
        try #require(reply.status == 200, "\(reply.text)")
        return reply.text
    }

    private static func headers(_ offset: Int, of length: Int = 2000) -> [(String, String)] {
        [
            ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "\(offset)"),
            ("Upload-Length", "\(length)"), ("Upload-Name", "a.bin"),
        ]
    }

    private func patch(_ host: HostProcess, _ id: String, _ offset: Int) async throws -> Int {
        try await host.client.send(
            "PATCH", "/fp/patch/\(id)", headers: Self.headers(offset), body: Self.chunk
        ).status
    }

    private func offset(_ host: HostProcess, _ id: String) async throws -> String? {
        try await host.client.send("HEAD", "/fp/patch/\(id)")["upload-offset"]
    }

    private func expectWhole(_ host: HostProcess, _ id: String) async throws {
        #expect(try await offset(host, id) == "1000")
        #expect(try await patch(host, id, 1000) == 200)
        #expect(try await host.client.send("GET", "/fp/restore/?id=\(id)").body == Self.chunk + Self.chunk)
    }

    private func readiness(_ host: HostProcess, _ status: Int, _ text: String) async throws {
        try await waitFor("/readyz to be \(status) with \(text)", within: .seconds(30)) {
            let reply = try await host.client.send("GET", "/readyz")
            return reply.status == status && reply.text.contains(text) ? true : nil
        }
        if status == 503 { #expect(try await host.client.send("GET", "/readyz").text.contains("\"since\"")) }
    }

    private func move(_ from: String, _ to: String, in directory: TemporaryDirectory) throws {
        try FileManager.default.moveItem(
            at: directory.url.appendingPathComponent(from), to: directory.url.appendingPathComponent(to))
    }

    @Test(
        "staging that is not mounted when the host starts takes nothing and loses nothing, and is found once it is there"
    )
    func unmountedAtTheStart() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(configuration: Self.configuration(), in: directory)
        let id = try await announce(host)
        #expect(try await patch(host, id, 0) == 200)
        try await host.stop()
        // A mount that is not there leaves an empty directory.
        try move("data/staging", "data/away", in: directory)
        let again = try await HostProcess(configuration: Self.configuration(), in: directory)
        try await readiness(again, 503, "\"missing\"")
        let refused = try await again.client.send("POST", "/fp/process/", headers: [("Upload-Length", "5")])
        #expect(refused.status == 503 && !refused.text.contains("/"), "\(refused.text)")
        #expect(try await again.client.send("HEAD", "/fp/patch/\(id)").status == 503, "its bytes are not gone")
        #expect(try await patch(again, id, 1000) == 503)
        #expect(directory.files(below: "data/staging") == [])
        #expect(again.logText.contains("its disk is not mounted"))
        try move("data/staging", "data/nothing", in: directory)
        try move("data/away", "data/staging", in: directory)
        try await waitFor("an upload to be taken", within: .seconds(30)) {
            try await again.client.send("POST", "/fp/process/", headers: [("Upload-Length", "5")]).status == 200
                ? true : nil
        }
        try await readiness(again, 200, "\"ok\"")
        try await expectWhole(again, id)
        try await again.stop()
    }

    @Test("a store whose directory goes away under the host is not ready, loses nothing, and is ready again by itself")
    func goneUnderTheHost() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(configuration: Self.configuration(), in: directory)
        let id = try await announce(host)
        #expect(try await patch(host, id, 0) == 200)
        for name in ["staging", "media"] {
            try move("data/\(name)", "data/away", in: directory)
            // With another directory in its place, and without.
            if name == "staging" {
                try FileManager.default.createDirectory(
                    at: directory.url.appendingPathComponent("data/staging"), withIntermediateDirectories: false)
            }
            try await readiness(host, 503, "\"\(name)\":\"cannot-write\"")
            if name == "staging" { try move("data/staging", "data/nothing", in: directory) }
            try move("data/away", "data/\(name)", in: directory)
            try await readiness(host, 200, "\"ok\"")
        }
        try await expectWhole(host, id)
        try await host.stop()
    }

    @Test("a catalog whose file goes away under the host is a 503, loses nothing, and is there again by itself")
    func goneCatalog() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(configuration: Self.configuration(), in: directory)
        let id = try await announce(host)
        #expect(try await patch(host, id, 0) == 200)
        try move("data/fphost.db", "data/away.db", in: directory)
        try await readiness(host, 503, "\"catalog\":\"down\"")
        let refused = try await host.client.send("POST", "/fp/process/", headers: [("Upload-Length", "5")])
        #expect(refused.status == 503 && refused["retry-after"] != nil, "\(refused.status) \(refused.text)")
        try move("data/away.db", "data/fphost.db", in: directory)
        try await readiness(host, 200, "\"ok\"")
        try await expectWhole(host, id)
        try await host.stop()
    }

    @Test(
        "a full disk under staging is a 507, keeps every acknowledged chunk, and is ready again once there is room",
        .enabled(if: SmallDisk.isAllowed, "needs root to mount a small tmpfs"))
    func fullStaging() async throws {
        let disk = try SmallDisk(options: "size=1m")
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(
            configuration: Self.configuration(staging: disk.path + "/staging"), in: directory)
        let id = try await announce(host)
        #expect(try await patch(host, id, 0) == 200)
        let filler = disk.path + "/filler"
        #expect(FileManager.default.createFile(atPath: filler, contents: nil))
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: filler))
        while (try? file.write(contentsOf: Data(repeating: 1, count: 4096))) != nil {}
        try file.close()
        let form =
            Array(
                "--b\r\nContent-Disposition: form-data; name=\"filepond\"; filename=\"a.bin\"\r\n\r\n".utf8)
            + [UInt8](repeating: 1, count: 100_000) + Array("\r\n--b--\r\n".utf8)
        let reply = try await host.client.send(
            "POST", "/fp/process/", headers: [("Content-Type", "multipart/form-data; boundary=b")], body: form)
        #expect(reply.status == 507 && !reply.text.contains("/"), "\(reply.status) \(reply.text)")
        try await readiness(host, 503, "\"no-space\"")
        try FileManager.default.removeItem(atPath: filler)
        try await readiness(host, 200, "\"ok\"")
        try await expectWhole(host, id)
        try await host.stop()
        withExtendedLifetime(disk) {}
    }

    @Test("SIGTERM lets a chunk end that comes in time, gives up one that does not, and keeps what was acknowledged")
    func stopped() async throws {
        let directory = try TemporaryDirectory()
        let host = try await HostProcess(configuration: Self.configuration(), in: directory)
        let (quick, slow) = (try await announce(host), try await announce(host))
        for id in [quick, slow] { #expect(try await patch(host, id, 0) == 200) }
        func begin(_ id: String) throws -> HTTPConnection {
            let connection = try HTTPConnection(port: host.client.port)
            let fields = Self.headers(1000).map { "\($0): \($1)\r\n" }.joined()
            try connection.send(
                "PATCH /fp/patch/\(id) HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\(fields)\r\n"
                    + String(repeating: "\u{7}", count: 500))
            return connection
        }
        let (first, second) = (try begin(quick), try begin(slow))
        // Both have their upload's session by the time that their bytes are staged.
        try await waitFor("both chunks to be at work", within: .seconds(20)) {
            let sizes = directory.files(below: "data/staging/.fp/w").compactMap { name in
                try? directory.contents("data/staging/.fp/w/" + name).count
            }
            return sizes.filter { $0 == 1500 }.count == 2 ? true : nil
        }
        host.signal(SIGTERM)
        try await waitFor("the host to stop listening", within: .seconds(20)) {
            host.logText.contains("stopping") ? true : nil
        }
        try first.send(String(repeating: "\u{7}", count: 500))
        #expect(try await onThread { try first.readReply() }.status == 200)
        #expect(try await host.end() == 0)
        withExtendedLifetime(second) {}

        let again = try await HostProcess(configuration: Self.configuration(), in: directory)
        #expect(try await again.client.send("GET", "/fp/restore/?id=\(quick)").body == Self.chunk + Self.chunk)
        try await expectWhole(again, slow)
        try await again.stop()
    }
}
