import Foundation
import Support
import Testing

@Suite("JSON Web Tokens, by the settings")
struct JWTTests {
    private func configuration(_ jwt: String) -> String {
        HostProcess.plainConfiguration + "\nauthentication: {jwt: {\(jwt)}}\n"
    }

    /// Made by joserfc with the key below, and good for the owner "carol" until the year 2096.
    private let token =
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYXJvbCIsImF1ZCI6ImZwaG9zdCIsImV4cCI6NDAwM"
        + "DAwMDAwMH0.oUEQO0gjeHZ-dr3koUpXOuUNHv15tl4XPQbu1WOfhInVQpTWpDYNtmlxGvR5qvYISyzB1U72CmGZRl0"
        + "DMTW-0w"
    private let publicKey = """
        -----BEGIN PUBLIC KEY-----
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdsbDAAfxisSL84Nl14KBkJQ3n/iW
        9C+/TZlBXegCtH3hU9v8ezTqWzQaTYPKIid5yNBUa54ZAvGdh9rlO9MuFg==
        -----END PUBLIC KEY-----
        """

    @Test("a token opens the uploads, its key file is read again when it changes, and no secret is shown or logged")
    func tokens() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("jwt.pem")
        try publicKey.write(to: file, atomically: true, encoding: .utf8)
        let secret = "planted-secret-of-more-than-32-bytes"
        let text = configuration("public_key: ./jwt.pem, secret: \(secret), audience: [fphost]")
        let host = try await HostProcess(configuration: text, in: directory)
        let ask = { (headers: [(String, String)]) in
            try await host.client.send("POST", "/fp/process/", headers: headers).status
        }
        #expect(try await ask([]) == 401)
        #expect(try await ask([("Authorization", "Bearer \(token)")]) == 400)
        #expect(try await ask([("Authorization", "Bearer \(token)x")]) == 401)
        try (publicKey + "\n# the same key still").write(to: file, atomically: true, encoding: .utf8)
        _ = try await waitFor("the file to be read again", within: .seconds(30)) {
            _ = try await ask([("Authorization", "Bearer \(token)")])
            return host.logText.contains("jwt.pem has changed") ? true : nil
        }
        let check = try await HostProcess.run(["check"], in: directory)
        #expect(check.status == 0, "\(check.errors)")
        #expect(try await host.stop() == 0)
        for shown in [host.logText, check.output, check.errors] {
            #expect(!shown.contains(secret) && !shown.contains(token))
        }
    }

    @Test("keys that cannot be used stop the start and the check, with the place in the file")
    func badKeys() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.url.appendingPathComponent("fphost.yaml")
        try configuration("jwks_file: ./none.json").write(to: file, atomically: true, encoding: .utf8)
        for command in ["serve", "check"] {
            let result = try await HostProcess.run([command], in: directory)
            #expect(result.status == 78)
            #expect(result.errors.contains("none.json cannot be read"), "\(result.errors)")
            #expect(result.errors.contains("fphost.yaml:9:"), "\(result.errors)")
        }
    }
}
