import Foundation
import Support
import Testing

@Suite("What an upload costs in memory")
struct MemoryTests {
    /// The most memory that a process has had at once, in bytes.
    private static func peak(of process: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber))) << 10
    }

    @Test("reference defect 1: neither a chunk nor a download is ever held in memory whole")
    func wholeFiles() async throws {
        let host = try await HostProcess(configuration: HostProcess.plainConfiguration, in: try TemporaryDirectory())
        let size = 192 << 20
        let before = try Self.peak(of: host.processIdentifier)
        let id = try await host.client.send("POST", "/fp", headers: [("Upload-Length", "\(size)")]).text
        let headers = [
            ("Content-Type", "application/offset+octet-stream"), ("Upload-Offset", "0"), ("Upload-Length", "\(size)"),
            ("Upload-Name", "large.bin"),
        ]
        let body = [UInt8](repeating: 7, count: size)
        let sent = try await host.client.send("PATCH", "/fp/patch/\(id)", headers: headers, body: body)
        #expect(sent.status == 200, "\(sent.text)")
        #expect(try await host.client.send("HEAD", "/fp/restore/?id=\(id)").status == 200)
        #expect(try await host.client.send("GET", "/fp/restore/?id=\(id)").body.count == size)
        let growth = try Self.peak(of: host.processIdentifier) - before
        #expect(growth < 64 << 20, "\(growth >> 20) MiB more than before")
        #expect(try await host.stop() == 0)
    }
}
