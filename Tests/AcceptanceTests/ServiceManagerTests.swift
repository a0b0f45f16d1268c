import Foundation
import Glibc
import Support
import Testing

struct ServiceManagerTests {
    /// Opens sockets as systemd does, in the place of the shell that becomes the host.
    private static func opening(_ names: String, count: Int) -> String {
        """
        exec python3 -c '
        import os, socket, sys
        for i in range(\(count)):
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
            os.dup2(s.fileno(), 103 + i)
        for i in range(\(count)):
            os.dup2(103 + i, 3 + i); os.close(103 + i)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="\(count)", LISTEN_FDNAMES="\(names)")
        os.execv(sys.argv[1], sys.argv[1:])' "$0" "$@"
        """
    }

    private static func configuration(_ listen: String) -> String {
        HostProcess.plainConfiguration.replacing("127.0.0.1:0", with: listen)
            + "\npermissions: open\n"
    }

    @Test(arguments: [("systemd", "web", 1), ("systemd:web", "admin:web", 2)])
    func `the host serves at a socket that the service manager has opened`(
        listen: String, names: String, count: Int
    ) async throws {
        let host = try await HostProcess(
            configuration: Self.configuration("\"\(listen)\""), after: Self.opening(names, count: count),
            in: TemporaryDirectory())
        let response = try await host.client.send("GET", "/healthz")
        #expect(response.status == 200)
        let status = try await host.stop()
        #expect(status == 0)
    }

    @Test(arguments: [
        ("systemd", "web:admin", 2, "gave 2 sockets; name one as in systemd:NAME"),
        ("systemd:web", "admin", 1, "gave no socket of that name, but admin"),
        ("systemd", "", 0, "gave no socket"),
    ])
    func `where the service manager has not opened what is to be listened at, the host says so and ends`(
        listen: String, names: String, count: Int, complaint: String
    ) async throws {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try Self.configuration("\"\(listen)\"").write(to: file, atomically: true, encoding: .utf8)
        let result = try await HostProcess.run(
            ["serve", "--config", file.path], after: Self.opening(names, count: count), in: directory)
        #expect(result.status == 1)
        #expect(result.errors.contains(complaint), "\(result.errors)")
    }

    @Test func `the service manager is told when the host is ready, and when it stops`() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("notify").path
        let socket = Glibc.socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
        func next() -> String? {
            var bytes = [UInt8](repeating: 0, count: 100)
            let count = recv(socket, &bytes, bytes.count, CInt(MSG_DONTWAIT))
            return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
        }
        let host = try await HostProcess(after: "export NOTIFY_SOCKET='\(path)'", in: directory)
        let ready = try await waitFor("the host to be ready", within: .seconds(30)) { next() }
        #expect(ready == "READY=1")
        _ = try await host.stop()
        #expect(next() == "STOPPING=1")
    }
}
