import Glibc
import PluginTestKit
import StoreUnderTest

/// A server that Tests/Servers/ssh-server.py makes up: logins and refusals that OpenSSH's has not without accounts of its
/// own.
final class OtherServer {
    static let user = "tester"
    static let password = TestSecrets.ssh

    let directory: TemporaryDirectory
    private let guardian: Guardian
    private let port: UInt16

    /// - Parameters:
    ///   - methods: the ways to log in that are all wanted: "publickey", "password", "interactive".
    ///   - refusedWrite: which write fails, counted from 1.
    ///   - habits: "short-reads", "ascii", "sick", "no-sftp".
    init(_ methods: String, refusedWrite: Int? = nil, habits: [String] = []) throws {
        let python = repository + "/.venv/bin/python"
        guard access(python, X_OK) == 0 else { throw Problem("the servers are not installed; run `make test-unit`") }
        directory = try TemporaryDirectory()
        let path = directory.path
        port = freePort()
        try makeServerKeys(in: path, port: port)
        mkdir("\(path)/files", 0o755)
        guardian = try Guardian(
            [
                python, repository + "/Tests/Servers/ssh-server.py", "\(port)", "\(path)/host", "\(path)/files",
                methods,
            ] + ["\(refusedWrite ?? 0)"] + habits, log: "\(path)/log")
        try waitForPort(port)
    }

    func store(_ more: [String: String] = [:]) throws -> TestStore {
        let options = [
            "host": "127.0.0.1", "port": "\(port)", "username": Self.user, "root_path": "root",
            "known_host_file": "\(directory.path)/known_hosts", "identities_only": "true", "max_connections": "1",
        ]
        return try TestStore(sftpStore, options.merging(more) { _, given in given })
    }
}
