import PluginTestKit

/// A store behind a proxy.
struct Line {
    let fixture: Fixture
    let proxy: TCPProxy
    let store: TestStore

    init(_ options: [String: String] = [:], on server: SSHServer = sharedServer) throws {
        fixture = try Fixture(on: server)
        proxy = TCPProxy(to: server.port)
        let host = try readFile("\(server.directory.path)/host.pub")
            .split(separator: " ").prefix(2).joined(separator: " ")
        try writeFile("\(fixture.directory.path)/known_hosts", "[127.0.0.1]:\(proxy.port) \(host)\n")
        store = try fixture.another(
            [
                "port": "\(proxy.port)", "known_host_file": "\(fixture.directory.path)/known_hosts",
            ].merging(options) { _, given in given })
    }

    func end() { proxy.stop() }
}
