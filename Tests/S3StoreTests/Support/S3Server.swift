import PluginTestKit
import StoreUnderTest

/// A real server that speaks S3, started once for all tests by scripts/s3-server, which ends it when the tests end.
final class S3Server: Sendable {
    static let accessKey = "testkey"
    static let secretKey = TestSecrets.s3

    static let seaweedfs = S3Server("seaweedfs")
    static let rclone = S3Server("rclone")
    static let moto = S3Server("moto")

    /// "http://127.0.0.1:port".
    let url: String
    private let process: ChildProcess
    var port: UInt16 { UInt16(url.split(separator: ":").last ?? "") ?? 0 }

    static let root: String = String(#filePath.dropLast("/Tests/S3StoreTests/Support/S3Server.swift".count))

    private init(_ kind: String) {
        let python = "\(Self.root)/.venv/bin/python"
        do { process = try ChildProcess([python, "\(Self.root)/scripts/s3-server", kind]) } catch {
            fatalError("\(error); run `make setup-servers`")
        }
        let answer = process.line().split(separator: " ")
        guard answer.count == 2, answer[0] == "ready" else { fatalError("\(kind) does not start; see above") }
        url = String(answer[1])
    }
}
