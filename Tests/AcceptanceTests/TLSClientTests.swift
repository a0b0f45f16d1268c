import Foundation
import Support
import Testing

private let areInstalled = ["curl", "openssl"].allSatisfy { CommandResult.installed($0) != nil }

@Suite("TLS, as curl and openssl speak it", .enabled(if: areInstalled, "curl or openssl is not installed"))
struct TLSClientTests {
    /// A host that speaks TLS, with a file of 64 MiB to send.
    private struct House {
        let directory: TemporaryDirectory
        let host: HostProcess
        let origin: String

        static func make() async throws -> House {
            let directory = try TemporaryDirectory()
            try await certify("one", in: directory)
            try await run("head -c 67108864 /dev/urandom >large && head -c 20000001 large >part", in: directory)
            let path = directory.url.path
            let host = try await HostProcess(
                configuration: HostProcess.plainConfiguration.replacing(
                    "{listen: 127.0.0.1:0}",
                    with: """
                        {listen: [127.0.0.1:0, "https://127.0.0.1:0"],
                         tls: {certificate: \(path)/cert.pem, key: \(path)/key.pem}}
                        """), in: directory)
            let origin = try await waitFor("the host to listen for TLS", within: .seconds(30)) {
                host.logText.firstMatch(of: #/https://127\.0\.0\.1:\d+/#).map { String($0.output) }
            }
            return House(directory: directory, host: host, origin: origin)
        }

        /// A self-signed certificate, put in the place of the one before.
        static func certify(_ name: String, in directory: TemporaryDirectory) async throws {
            try await run(
                """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=\(name).test \
                -addext subjectAltName=IP:127.0.0.1 -keyout \(name).key -out \(name).pem
                mv \(name).key key.pem && cp \(name).pem new.pem && mv new.pem cert.pem
                """, in: directory)
        }

        @discardableResult
        static func run(_ script: String, in directory: TemporaryDirectory) async throws -> String {
            let result = try await CommandResult.of(
                URL(fileURLWithPath: "/bin/bash"), ["-euo", "pipefail", "-c", script], in: directory)
            try #require(result.status == 0, "\(script)\n\(result.output)\n\(result.errors)")
            return result.output
        }

        /// curl's standard output.
        func curl(_ arguments: String, trusting certificate: String = "one") async throws -> String {
            try await Self.run("curl -sS --fail --cacert \(certificate).pem \(arguments)", in: directory)
        }

        /// What `openssl s_client` is answered by a plain request for the host's health.
        func health(_ options: String = "") async throws -> CommandResult {
            let address = origin.dropFirst("https://".count)
            let request = #"GET /healthz HTTP/1.1\r\nHost: \#(address)\r\nConnection: close\r\n\r\n"#
            return try await CommandResult.of(
                URL(fileURLWithPath: "/bin/bash"),
                [
                    "-o", "pipefail", "-c",
                    "printf '\(request)' | openssl s_client -quiet -connect \(address) -verify_return_error \(options)",
                ], in: directory)
        }
    }

    @Test("curl uploads by form and by chunk, downloads the same bytes, and goes on with half a download")
    func curl() async throws {
        let house = try await House.make()
        let form = try await house.curl("-F filepond='{}' -F filepond=@large \(house.origin)/fp/process/")
        let chunked = try await house.curl("-X POST -H 'Upload-Length: 67108864' \(house.origin)/fp")
        _ = try await house.curl(
            """
            -X PATCH -H 'Content-Type: application/offset+octet-stream' -H 'Upload-Offset: 0' \
            -H 'Upload-Length: 67108864' -H 'Upload-Name: large' --data-binary @large \(house.origin)/fp/patch/\(chunked)
            """)
        for id in [form, chunked] {
            _ = try await house.curl("-o copy '\(house.origin)/fp/restore/?id=\(id)'")
            try await House.run("cmp large copy", in: house.directory)
        }
        let status = try await house.curl("-C - -o part -w '%{http_code}' '\(house.origin)/fp/restore/?id=\(form)'")
        #expect(status == "206")
        try await House.run("cmp large part", in: house.directory)
        #expect(try await house.host.stop() == 0)
    }

    @Test("openssl is answered by TLS 1.2 and 1.3, not by 1.1, and is shown a renewed certificate")
    func openssl() async throws {
        let house = try await House.make()
        for version in ["-tls1_2", "-tls1_3"] {
            let result = try await house.health("-CAfile one.pem \(version)")
            #expect(result.status == 0 && result.output.hasPrefix("HTTP/1.1 200"), "\(version): \(result.errors)")
        }
        // openssl itself would not ask for it otherwise.
        let old = try await house.health("-CAfile one.pem -tls1_1 -cipher DEFAULT:@SECLEVEL=0")
        #expect(old.status != 0 && old.output.isEmpty && old.errors.contains("protocol version"), "\(old.errors)")

        try await House.certify("two", in: house.directory)
        // The files are looked at once a minute.
        _ = try await waitFor("the certificate to be read", within: .seconds(100)) {
            house.host.logText.contains("new connections get the new certificate") ? true : nil
        }
        let renewed = try await house.health("-CAfile two.pem")
        #expect(renewed.output.hasPrefix("HTTP/1.1 200"), "\(renewed.errors)")
        #expect(try await house.health("-CAfile one.pem").status != 0)
        #expect(try await house.curl("\(house.origin)/healthz", trusting: "two").contains("ok"))
        #expect(try await house.host.stop() == 0)
    }
}
