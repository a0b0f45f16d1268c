import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

extension S3StoreTests {
    /// Where keys come from, each in a process with an environment of its own.
    @Suite("credentials")
    struct Credentials {
        private let directory: TemporaryDirectory
        private let options: [String: String]

        init() throws {
            directory = try TemporaryDirectory()
            var options = try Fixture().options
            options["access_key"] = nil
            options["secret_key"] = nil
            self.options = options
        }

        private func process(
            _ environment: [String: String], _ more: [String: String] = [:]
        ) throws -> StoreProcess {
            let base = [
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": directory.path + "/config",
                "AWS_SHARED_CREDENTIALS_FILE": directory.path + "/credentials",
            ]
            return try StoreProcess(
                plugin: "S3Store", options: options.merging(more) { $1 },
                environment: base.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" })
        }

        /// Stores an object with the process's own keys.
        private func works(_ process: StoreProcess) throws {
            #expect(try process.run("begin k 0").status == 0)
            #expect(try process.run("write 10 1").status == 0)
            let stored = try process.run("commit 0")
            #expect(stored == .ok(["10"]), "\(stored)")
        }

        private static let members = """
            "AccessKeyId": "\(S3Server.accessKey)", "SecretAccessKey": "\(S3Server.secretKey)"
            """

        @Test("The environment's keys are used")
        func fromEnvironment() throws {
            try works(
                process([
                    "AWS_ACCESS_KEY_ID": S3Server.accessKey, "AWS_SECRET_ACCESS_KEY": S3Server.secretKey,
                ]))
        }

        @Test("A profile's keys are used, whichever file has them, and one that is named comes before the environment")
        func fromProfile() throws {
            try writeFile(
                directory.path + "/credentials",
                """
                [default]
                aws_access_key_id = nobody
                aws_secret_access_key = nothing
                # a comment
                [ours]
                aws_access_key_id=\(S3Server.accessKey)
                aws_secret_access_key = \(S3Server.secretKey)
                """)
            try writeFile(
                directory.path + "/config",
                """
                [profile other]
                region = us-east-1
                s3 =
                    addressing_style = path
                aws_access_key_id = \(S3Server.accessKey)
                aws_secret_access_key = \(S3Server.secretKey)
                """)
            let wrong = ["AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"]
            try works(process(wrong, ["session_profile": "ours"]))
            try works(process(["AWS_PROFILE": "other"]))
            let missing = try process([:], ["session_profile": "none"])
            let answer = try missing.run("remove k")
            #expect(answer.status == FP_E_AUTH)
        }

        @Test("A credential_process is asked, again when its keys have run out, and stopped with the call")
        func fromProcess() throws {
            try writeFile(
                directory.path + "/config",
                """
                [profile asked]
                credential_process = echo >> '\(directory.path)/asked'; echo '{"Version": 1, \(Self.members)}'
                [profile short]
                credential_process = echo >> '\(directory.path)/short'; echo '{"Version": 1, \(Self.members), \
                "Expiration": "2020-01-01T00:00:00Z"}'
                [profile silent]
                credential_process = true
                """)
            let asked = try process(["AWS_PROFILE": "asked"])
            try works(asked)
            try works(asked)
            #expect(try readFile(directory.path + "/asked") == "\n")
            let short = try process(["AWS_PROFILE": "short"])
            try works(short)
            try works(short)
            #expect(try readFile(directory.path + "/short").count >= 2)
            #expect(try process(["AWS_PROFILE": "silent"]).run("remove k").status == FP_E_AUTH)
        }

        @Test("A container's role and a machine's role are asked for, with their tokens")
        func fromRoles() throws {
            let service = Service { head in
                let body = "{\"Code\": \"Success\", \(Self.members), \"Expiration\": \"2099-01-01T00:00:00Z\"}"
                switch (head.method, head.path) {
                case ("GET", "/container"):
                    return head.fields["authorization"] == "secret-of-the-container" ? (200, body) : (403, "")
                case ("PUT", "/latest/api/token"):
                    return head.fields["x-aws-ec2-metadata-token-ttl-seconds"] == nil ? (400, "") : (200, "session")
                case ("GET", "/latest/meta-data/iam/security-credentials/"):
                    return head.fields["x-aws-ec2-metadata-token"] == "session" ? (200, "a role") : (401, "")
                case ("GET", "/latest/meta-data/iam/security-credentials/a%20role"):
                    return head.fields["x-aws-ec2-metadata-token"] == "session" ? (200, body) : (401, "")
                default: return (404, "")
                }
            }
            try writeFile(
                directory.path + "/token",
                "secret-of-the-container\n")
            try works(
                process([
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + "/container",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": directory.path + "/token",
                ]))
            try works(
                process([
                    "AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
                ]))
            let foreign = try process(["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/container"])
            #expect(try foreign.run("remove k").status == FP_E_AUTH)
        }

        @Test("Keys that live for a minute or two are not fetched for every request")
        func shortLived() throws {
            let asked = Counter()
            let service = Service { _ in
                _ = asked.next()
                let end = clockTexts(100).basic
                return (200, "{\(Self.members), \"Expiration\": \"\(end)\"}")
            }
            let process = try process(["AWS_CONTAINER_CREDENTIALS_FULL_URI": service.url + "/container"])
            for _ in 0..<5 { try works(process) }
            #expect(asked.next() == 1)
        }

        @Test("A session token that has expired is exchanged for a fresh one, and the request sent again, once")
        func expired() throws {
            try writeFile(
                directory.path + "/config",
                """
                [default]
                credential_process = echo >> '\(directory.path)/n'; echo '{"Version": 1, \(Self.members), \
                "SessionToken": "token-'$(wc -l < '\(directory.path)/n')'"}'
                """)
            let proxy = FaultProxy { head, _ in
                switch head.fields["x-amz-security-token"] {
                case "token-1": .reply(400, [:], errorBody("ExpiredToken"))
                case "token-2": .reply(204)
                default: .reply(400, [:], errorBody("ExpiredToken"))
                }
            }
            let process = try process([:], ["endpoint_url": proxy.url])
            #expect(try process.run("remove k") == .ok([]))
            #expect(proxy.requests.count == 2)
            proxy.set { _, _ in .reply(400, [:], errorBody("ExpiredToken")) }
            #expect(try process.run("remove k").status == FP_E_AUTH)
            #expect(proxy.requests.count == 4)
        }

        @Test("Without any keys the error says where they were looked for")
        func none() throws {
            guard case .error(let status, _, _, let message) = try process([:]).run("remove k") else {
                Issue.record("it succeeded")
                return
            }
            #expect(status == FP_E_AUTH && message.contains("access_key") && message.contains("role"))
        }
    }
}

/// A small web server with answers of its own.
final class Service: Sendable {
    private let listener: Listener
    var url: String { "http://127.0.0.1:\(listener.port)" }

    init(_ answer: @escaping @Sendable (HTTPHead) -> (status: Int, body: String)) {
        listener = Listener { socket in
            let stream = HTTPStream(socket)
            while let head = stream.head() {
                _ = stream.wholeBody(of: head)
                let (status, body) = answer(head)
                socket.send(Array("HTTP/1.1 \(status) Test\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
            }
        }
    }
}
