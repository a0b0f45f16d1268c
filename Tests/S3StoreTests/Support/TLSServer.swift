import Glibc
import PluginTestKit

/// A web server behind TLS, from the command line of OpenSSL, with one object: "tests/k" is "hello".
final class TLSServer: Sendable {
    let port: Int
    let certificate: String
    private let directory: TemporaryDirectory
    private let process: pid_t

    init() throws {
        directory = try TemporaryDirectory()
        certificate = directory.path + "/cert.pem"
        let made = runTool([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.2", "-keyout", directory.path + "/key.pem",
            "-out", certificate,
        ])
        guard made.status == 0 else { throw Problem("openssl cannot make a certificate") }
        mkdir(directory.path + "/tests", 0o700)
        write("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello", to: directory.path + "/tests/k")
        var output: [Int32] = [-1, -1]
        guard pipe(&output) == 0 else { throw Problem("pipe: errno \(errno)") }
        for end in output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // It serves the directory that it is started in.
        let words = [
            "sh", "-c",
            "cd '\(directory.path)' && exec openssl s_server -HTTP -4 -accept 0 -cert cert.pem -key key.pem",
        ]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var id: pid_t = 0
        let started = posix_spawnp(&id, "sh", &actions, nil, arguments, environ)
        close(output[1])
        defer { close(output[0]) }
        guard started == 0 else { throw Problem("openssl does not start: errno \(started)") }
        process = id
        // "ACCEPT 0.0.0.0:12345"
        var text = ""
        var byte: UInt8 = 0
        while read(output[0], &byte, 1) == 1 {
            text.unicodeScalars.append(Unicode.Scalar(byte))
            if text.hasSuffix("\n"), text.contains("ACCEPT") { break }
        }
        guard let found = text.split(whereSeparator: { !$0.isNumber }).last.flatMap({ Int($0) }) else {
            throw Problem("openssl says \(text)")
        }
        port = found
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
}
