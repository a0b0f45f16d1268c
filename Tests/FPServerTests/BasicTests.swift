import FPAccess
import FPFormats
import FPHTTP
import FPServer
import FPUploads
import Foundation
import Logging
import Support
import Synchronization
import Testing

@Suite("Names and passwords of an htpasswd file")
struct BasicTests {
    /// A server that knows the users of a file, in a time of the test's own, which writes down how long each check waits.
    private final class Setting: Sendable {
        static let hashes = [
            "ann": "$2y$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW",
            "ben": "$2b$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW",
            "cat": "$2a$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW",
            "dan":
                "$6$rounds=1000$saltsalt$5Oji4y.RQw4TBqlwXcGLBsxSL7.Pw5hdIpFnzMJTl.OaKsU3EiPTP5NseI3oKDT8iioErVqshwXGd40hlWBLx1",
            "eve": "$6$saltsalt$g3uPFdehVnKoLXdidvSAg1zlVgYomPr0X/xgdXSBn2LuxZUOGgYW4IULZkguZ77fzYteIur49AGHmF9iek6Sf1",
            "fay": "$y$j75$saltsaltsaltsalt$m33IfZu6q0blcjiAuxCfVV93W0Rh8oj6N/1vVmvsRf7",
            "Zoë": "$y$j75$saltsaltsaltsalt$otge6/10we6dDlNMDV01/cHOd9PIHsWyGuf9z/LaHSA",
        ]

        let directory: TemporaryDirectory
        let time = ManualTime()
        let pauses = Mutex<[Duration]>([])
        /// Whether checks that are to wait go on.
        let isOpen = Mutex(true)

        init() throws {
            directory = try TemporaryDirectory()
            try write(Self.hashes.map { "\($0.key):\($0.value)" }.sorted())
        }

        var path: String { directory.url.appendingPathComponent("htpasswd").path }

        func write(_ lines: [String]) throws {
            try Data((["# users", ""] + lines).joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: path))
        }

        func with(
            _ permissions: EndpointPermissions = EndpointPermissions(), _ work: (ServerHouse) async throws -> Void
        ) async throws {
            let clock = AccessClock(uptime: { self.time.uptime }, date: { 0 }) { pause in
                self.pauses.withLock { $0.append(pause) }
                while !self.isOpen.withLock({ $0 }) { try? await Task.sleep(for: .milliseconds(2)) }
            }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let authenticator = try BasicAuthenticator(
                path: path, realm: "uploads", scopes: ["upload"], roles: ["staff"], clock: clock, logger: logger)
            try await ServerHouse.with(
                { _, settings in
                    settings.authenticators = [authenticator]
                    settings.permissions = permissions
                    settings.http.trustedProxies = TrustedProxies([try #require(AddressBlock("127.0.0.1"))])
                }, work)
        }

        /// The pauses since the last call.
        func newPauses() -> [Duration] {
            pauses.withLock { pauses in
                defer { pauses = [] }
                return pauses
            }
        }
    }

    private static func header(_ user: String, _ password: String, from address: String? = nil) -> [(String, String)] {
        let text = Data("\(user):\(password)".utf8).base64EncodedString()
        return [("Authorization", "Basic \(text)")] + (address.map { [("X-Forwarded-For", $0)] } ?? [])
    }

    private func announce(_ house: ServerHouse, _ headers: [(String, String)]) async throws -> HTTPReply {
        try await house.send("POST", "/fp/process/", headers + [("Upload-Length", "5")])
    }

    @Test("whoever has a right name and password owns what comes of it, however the password is kept")
    func owners() async throws {
        let setting = try Setting()
        let rules = EndpointPermissions(rules: ["POST_PROCESS": [.hasScope("upload"), .hasRole("staff")]])
        try await setting.with(rules) { house async throws in
            for user in Setting.hashes.keys {
                let password = user == "Zoë" ? "sésame" : "sesame"
                let reply = try await announce(house, Self.header(user, password))
                let id = try #require(UploadID(reply.text), "\(user): \(reply.text)")
                #expect(try await house.uploads.upload(id)?.owner == user)
                let other = Self.header(user == "ann" ? "ben" : "ann", "sesame")
                #expect(try await house.send("GET", "/fp/restore/?id=\(id)", other).status == 403)
            }
            // Not the application.
            #expect(try await house.send("GET", "/api/v1/uploads", Self.header("ann", "sesame")).status == 403)
        }
    }

    @Test("everything else is a 401 that asks for both, in UTF-8")
    func refusals() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let bare = try await announce(house, [])
            #expect(bare.status == 401)
            #expect(
                bare.headers.filter { $0.0 == "www-authenticate" }.map(\.1)
                    == ["Bearer realm=\"fphost\"", "Basic realm=\"uploads\", charset=\"UTF-8\""])
            for (user, password) in [
                ("ann", "Sesame"), ("ann", ""), ("ann", "sesame "), ("nobody", "sesame"), ("Ann", "sesame"),
                ("Zoe\u{308}", "sésame"), ("Zoë", "se\u{301}same"), ("# users", ""), ("", "sesame"),
                ("ann", "sesame\0"), ("ann\0", "sesame"), ("ann", String(repeating: "x", count: 600)),
                (String(repeating: "x", count: 300), "sesame"),
            ] {
                let reply = try await announce(house, Self.header(user, password))
                #expect(reply.status == 401, "\(user):\(password)")
                #expect(reply["www-authenticate"] == "Basic realm=\"uploads\", charset=\"UTF-8\"")
            }
            let right = Data("ann:sesame".utf8).base64EncodedString()
            for text in [
                "Basic", "Basic ", "Basic !", "Basic \(right.dropLast())", "Basic \(right)=", "Basic \(right) x",
                "Basic YW5u", "Basic /w==", "Digest \(right)", "Basic \(right),", "Basic YW5uOnNlc2FtZR==",
            ] {
                #expect(try await announce(house, [("Authorization", text)]).status == 401, "\(text)")
            }
            let two = [("Authorization", "Basic \(right)"), ("Authorization", "Basic \(right)")]
            #expect(try await announce(house, two).status == 401)
            #expect(try await announce(house, [("Authorization", "bAsIc  \(right)")]).status == 200)
        }
    }

    @Test("each failure of an address, or with a name, makes the next check wait longer, up to some seconds")
    func slowing() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let expected: [Duration] = [250, 500, 1000, 2000, 4000, 8000, 8000].map { .milliseconds($0) }
            for number in 0...expected.count {
                let user = number.isMultiple(of: 2) ? "nobody\(number)" : "ann"
                let reply = try await announce(house, Self.header(user, "wrong \(number)", from: "192.0.2.1"))
                #expect(reply.status == 401)
            }
            #expect(setting.newPauses() == expected)
            // Another name from there, the neighbours in IPv6, and a name that failed, from elsewhere.
            _ = try await announce(house, Self.header("ben", "sesame", from: "192.0.2.1"))
            #expect(setting.newPauses() == [.seconds(8)])
            _ = try await announce(house, Self.header("x", "x", from: "2001:db8::1"))
            _ = try await announce(house, Self.header("y", "y", from: "2001:db8::2"))
            _ = try await announce(house, Self.header("z", "z", from: "2001:db8:0:1::1"))
            #expect(setting.newPauses() == [.milliseconds(250)])
            #expect(try await announce(house, Self.header("ann", "sesame", from: "192.0.2.2")).status == 200)
            #expect(setting.newPauses() == [.seconds(2)])
            // A right password clears the name.
            _ = try await announce(house, Self.header("ann", "wrong", from: "192.0.2.3"))
            #expect(setting.newPauses() == [])
            // And some minutes all.
            setting.time.advance(by: .seconds(600))
            _ = try await announce(house, Self.header("cat", "wrong", from: "192.0.2.1"))
            #expect(setting.newPauses() == [])
        }
    }

    @Test("a password that is remembered for one address tells another nothing, nor one that asks too much")
    func guessing() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let right = Self.header("ann", "sesame")
            #expect(try await announce(house, right).status == 200)
            _ = try await announce(house, Self.header("nobody", "wrong"))
            _ = setting.newPauses()
            setting.isOpen.withLock { $0 = false }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        try await self.announce(house, Self.header("ann", "wrong \(number)")).status
                    }
                }
                try await waitFor("eight checks to wait", within: .seconds(30)) {
                    setting.pauses.withLock { $0.count } == 8 ? true : nil
                }
                #expect(try await announce(house, right).status == 429)
                #expect(try await announce(house, Self.header("ann", "guess")).status == 429)
                setting.isOpen.withLock { $0 = true }
                for try await status in group { #expect(status == 401) }
            }
        }
    }

    @Test("a password that one address has proved is checked in full for another, which waits for its own failures")
    func addresses() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            func status(_ user: String, _ password: String, from address: String) async throws -> Int {
                try await announce(house, Self.header(user, password, from: address)).status
            }
            #expect(try await status("ann", "sesame", from: "192.0.2.1") == 200)
            for _ in 0..<2 { #expect(try await status("nobody", "wrong", from: "192.0.2.2") == 401) }
            #expect(setting.newPauses() == [.milliseconds(250)])
            #expect(try await status("ann", "sesame", from: "192.0.2.2") == 200)
            #expect(setting.newPauses() == [.milliseconds(500)])
            // Now both have proved it.
            for address in ["192.0.2.1", "192.0.2.2"] {
                #expect(try await status("ann", "sesame", from: address) == 200)
            }
            #expect(setting.newPauses() == [])
        }
    }

    @Test(
        "of those who guess at a name from many addresses sixteen wait; who has proved it before waits for none of them"
    )
    func names() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let right = Self.header("ann", "sesame", from: "192.0.2.1")
            #expect(try await announce(house, right).status == 200)
            #expect(try await announce(house, Self.header("ann", "wrong", from: "192.0.2.2")).status == 401)
            setting.isOpen.withLock { $0 = false }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        try await self.announce(house, Self.header("ann", "wrong", from: "198.51.100.\(number)")).status
                    }
                }
                try await waitFor("sixteen checks to wait", within: .seconds(30)) {
                    setting.pauses.withLock { $0.count } == 16 ? true : nil
                }
                for password in ["sesame", "wrong"] {
                    let refused = try await announce(house, Self.header("ann", password, from: "192.0.2.3"))
                    #expect(refused.status == 429 && refused.text.contains("with that name"), "\(refused.text)")
                }
                #expect(try await announce(house, Self.header("ben", "sesame", from: "192.0.2.3")).status == 200)
                // Remembered, and checked anew.
                #expect(try await announce(house, right).status == 200)
                setting.time.advance(by: .seconds(300))
                #expect(try await announce(house, right).status == 200)
                #expect(setting.newPauses().count == 16)
                setting.isOpen.withLock { $0 = true }
                for try await status in group { #expect(status == 401) }
            }
        }
    }

    @Test("a password is refused that is longer than what bcrypt heeds of it; other hashes heed all")
    func longPasswords() async throws {
        let setting = try Setting()
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i"
        let sha512 =
            "$6$rounds=1000$saltsalt$QMykkNL5fLGYXdCdS4RjhlC5gzovMTWz2nYm83Esgj.TegT/87U8S7t05AmqedoIKxlnp92jnhR6AhOKrZf1D0"
        // bcrypt's is of every password that begins with 72 times the letter, the other one of 73 times the letter.
        try setting.write(["ann:\(bcrypt)", "dan:\(sha512)"])
        try await setting.with { house async throws in
            for (user, count, status) in [
                ("ann", 72, 200), ("ann", 73, 401), ("ann", 71, 401), ("dan", 73, 200), ("dan", 72, 401),
            ] {
                let header = Self.header(user, String(repeating: "x", count: count))
                #expect(try await announce(house, header).status == status, "\(user) \(count)")
            }
        }
    }

    @Test("a right password is remembered for five minutes, and not after the file has changed")
    func remembering() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let right = Self.header("ann", "sesame")
            _ = try await announce(house, Self.header("nobody", "wrong"))
            #expect(try await announce(house, right).status == 200)
            #expect(setting.newPauses() == [.milliseconds(250)])
            for _ in 0..<5 { #expect(try await announce(house, right).status == 200) }
            #expect(setting.newPauses() == [])
            #expect(try await announce(house, Self.header("ann", "sesame2")).status == 401)
            #expect(setting.newPauses() == [.milliseconds(250)])
            setting.time.advance(by: .seconds(300))
            #expect(try await announce(house, right).status == 200)
            #expect(setting.newPauses().count == 1)

            try setting.write(["ben:" + (try #require(Setting.hashes["ben"]))])
            setting.time.advance(by: .seconds(1))
            #expect(try await announce(house, right).status == 401)
            #expect(try await announce(house, Self.header("ben", "sesame")).status == 200)
            // A file that is broken changes nothing.
            try setting.write(["ben:sesame"])
            setting.time.advance(by: .seconds(1))
            #expect(try await announce(house, Self.header("ben", "sesame")).status == 200)
            #expect(try await announce(house, right).status == 401)
        }
    }

    @Test("of the different logins of one address that wait, the ninth is refused; the same one waits once")
    func waiting() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            _ = try await announce(house, Self.header("nobody", "wrong"))
            setting.isOpen.withLock { $0 = false }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<8 {
                    for _ in 0..<2 {
                        group.addTask {
                            try await self.announce(house, Self.header("ann", "wrong \(number)")).status
                        }
                    }
                }
                try await waitFor("eight checks to wait", within: .seconds(30)) {
                    setting.pauses.withLock { $0.count } == 8 ? true : nil
                }
                let ninth = try await announce(house, Self.header("ann", "sesame"))
                #expect(ninth.status == 429)
                #expect(ninth["retry-after"] == "2")
                setting.isOpen.withLock { $0 = true }
                // One that came too late to wait with its like is checked by itself.
                for try await status in group { #expect(status == 401) }
            }
            #expect(try await announce(house, Self.header("ann", "sesame")).status == 200)
        }
    }

    @Test("a page of another origin cannot use a password that the browser has")
    func forgery() async throws {
        let setting = try Setting()
        try await setting.with { house async throws in
            let right = Self.header("ann", "sesame")
            for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
                #expect(try await announce(house, right + [("Sec-Fetch-Site", site)]).status == status)
            }
            #expect(try await announce(house, right + [("Origin", "https://evil.example")]).status == 403)
        }
    }
}
