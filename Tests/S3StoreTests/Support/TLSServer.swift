import Glibc
import PluginTestKit

/// A web server behind TLS, from the command line of OpenSSL, with one object: "tests/k" is "hello".
final class TLSServer: Sendable {
    let port: UInt16
    let certificate: String
    private let directory: TemporaryDirectory
    private let guardian: Guardian

    init() throws {
        directory = try TemporaryDirectory()
        let path = directory.path
        certificate = path + "/cert.pem"
        let made = runTool([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.2", "-keyout", path + "/key.pem",
            "-out", certificate,
        ])
        guard made.status == 0 else { throw Problem("openssl cannot make a certificate") }
        mkdir(path + "/tests", 0o700)
        try writeFile(path + "/tests/k", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nETag: \"e\"\r\n\r\nhello")
        port = freePort()
        // It serves the directory that it is started in.
        guardian = try Guardian(
            [
                "env", "-C", path, "openssl", "s_server", "-HTTP", "-4", "-accept", "\(port)", "-cert", "cert.pem",
                "-key", "key.pem",
            ], log: path + "/log")
        try waitForPort(port)
    }
}
