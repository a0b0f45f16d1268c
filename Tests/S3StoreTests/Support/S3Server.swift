import Glibc
import PluginTestKit

/// A real server that speaks S3, started once for all tests by scripts/s3-server, which ends it when the tests end.
final class S3Server: Sendable {
    static let accessKey = "testkey"
    static let secretKey = "testsecret123"

    static let seaweedfs = S3Server("seaweedfs")
    static let rclone = S3Server("rclone")
    static let moto = S3Server("moto")

    /// "http://127.0.0.1:port".
    let url: String
    var port: UInt16 { UInt16(url.split(separator: ":").last ?? "") ?? 0 }

    private init(_ kind: String) {
        do { url = try Self.start(kind) } catch { fatalError("\(error)") }
    }

    static let root: String = String(#filePath.dropLast("/Tests/S3StoreTests/Support/S3Server.swift".count))

    private static func start(_ kind: String) throws -> String {
        var input: [Int32] = [-1, -1]
        var output: [Int32] = [-1, -1]
        guard pipe(&input) == 0, pipe(&output) == 0 else { throw Problem("pipe: errno \(errno)") }
        // The end that the script watches stays open in this process alone, for as long as it lives.
        for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input[0], 0)
        posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        let python = "\(root)/.venv/bin/python"
        let words: [String] = [python, "\(root)/scripts/s3-server", kind]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var id: pid_t = 0
        let result = posix_spawn(&id, python, &actions, nil, arguments, environ)
        close(input[0])
        close(output[1])
        guard result == 0 else { throw Problem("cannot start \(python): errno \(result); run `make setup-servers`") }
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output[0], &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        let answer = String(decoding: line, as: UTF8.self).split(separator: " ")
        guard answer.count == 2, answer[0] == "ready" else { throw Problem("\(kind) does not start; see above") }
        return String(answer[1])
    }
}
