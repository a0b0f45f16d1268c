import Glibc
import PluginTestKit

/// An SSH server of a test's own on a loopback port, with keys of its own, gone with its last owner.
///
/// A shell stands between: it ends the server when its standard input does, so that nothing is left behind when the
/// tests are killed.
final class SSHServer: @unchecked Sendable {
    // Constant but for the process, which only `start` and `stop` touch, one test at a time: hence Sendable by hand.
    let directory: TemporaryDirectory
    let port: UInt16
    private var guardian: Guardian?
    private let arguments: [String]

    /// Where the server finds its programs; nil where OpenSSH's server is not installed.
    static let program: String? = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].first { access($0, X_OK) == 0 }

    /// - Parameters:
    ///   - lines: more lines of its configuration.
    ///   - sftp: the command that serves SFTP; nil for none.
    init(_ lines: [String] = [], sftp: String? = "internal-sftp") throws {
        guard let program = Self.program else { throw Problem("OpenSSH's server is not installed") }
        directory = try TemporaryDirectory()
        let path = directory.path
        port = freePort()
        try makeServerKeys(in: path, port: port)
        try makeKey("\(path)/other")
        try writeFile("\(path)/authorized", try readFile("\(path)/user.pub"))
        let configuration =
            [
                "Port \(port)", "ListenAddress 127.0.0.1", "HostKey \(path)/host", "PidFile none",
                "AuthorizedKeysFile \(path)/authorized", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
                "PermitRootLogin yes", "LogLevel ERROR", "MaxStartups 100",
            ] + (sftp.map { ["Subsystem sftp \($0)"] } ?? []) + lines
        // The first mention of a setting counts.
        try writeFile("\(path)/config", (lines + configuration).joined(separator: "\n") + "\n")
        // As root, it wants a directory for its unprivileged part.
        if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
        arguments = [program, "-D", "-e", "-f", "\(path)/config"]
        try start()
    }

    func start() throws {
        guardian = try Guardian(arguments, log: "\(directory.path)/log")
        try waitForPort(port)
    }

    /// Ends the server and all of its connections.
    func stop() { guardian = nil }

    /// The options of a store on this server.
    func options(_ more: [String: String] = [:], root: String) -> [String: String] {
        [
            "host": "127.0.0.1", "port": "\(port)", "username": userName, "key_file": "\(directory.path)/user",
            "known_host_file": "\(directory.path)/known_hosts", "root_path": root,
        ].merging(more) { _, given in given }
    }
}

/// Whom the tests run as.
let userName: String = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "root"

/// Keys for a server and for its user, and what the user is to know of the server.
func makeServerKeys(in path: String, port: UInt16) throws {
    for name in ["host", "user"] { try makeKey("\(path)/\(name)") }
    let host = try readFile("\(path)/host.pub").split(separator: " ").prefix(2).joined(separator: " ")
    try writeFile("\(path)/known_hosts", "[127.0.0.1]:\(port) \(host)\n")
}

func makeKey(_ path: String, _ arguments: [String] = ["-t", "ed25519"], passphrase: String = "") throws {
    let result = runTool(["ssh-keygen", "-q", "-N", passphrase, "-C", "tests", "-f", path] + arguments)
    guard result.status == 0 else { throw Problem("ssh-keygen failed: \(result)") }
}
