import FPFormats
import FPHTTP
import FPJWT
import FPServer
import FPUploads
import Foundation
import HTTPTypes
import JWTKit
import Logging
import Support
import Synchronization
import Testing

/// Serves what a test puts on it, at `/keys`.
private final class KeyShelf: Mount {
    private let answer: Mutex<Response>

    init(_ answer: Response) { self.answer = Mutex(answer) }

    func put(_ answer: Response) { self.answer.withLock { $0 = answer } }

    var methods: [HTTPRequest.Method] { [.get] }

    var accesses: [Access] { [] }

    func action(for request: Request, rest: ArraySlice<String>) -> Action {
        Action(for: .anyone) { _ in self.answer.withLock { $0 } }
    }
}

@Suite("Visitors with JSON Web Tokens")
struct JWTTests {
    private struct Claims: JWTPayload {
        var sub: String
        var exp: Int
        var scope = ""

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private static let secret = "a secret of the test's own, long enough"

    private static func token(
        _ owner: String, lives seconds: Int = 3600, scope: String = "", secret: String = secret
    ) async throws -> String {
        let keys = await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        return try await keys.sign(
            Claims(sub: owner, exp: Int(Date.now.timeIntervalSince1970) + seconds, scope: scope))
    }

    private static func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }

    private static func withSecret(_: inout UploadSettings, settings: inout ServerSettings) throws {
        var jwt = JWTSettings()
        jwt.secret = secret
        settings.authenticators = [try JWTAuthenticator(jwt, userAgent: "test", logger: quiet)]
    }

    private static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    @Test("an upload in chunks belongs to whom its token names, goes on with a newer token, and is closed to others")
    func chunks() async throws {
        try await ServerHouse.with(Self.withSecret) { house async throws in
            let (alice, bob) = (Self.bearer(try await Self.token("alice")), Self.bearer(try await Self.token("bob")))
            var form = Form()
            form.add("filepond", "{}")
            let announced = try await house.send(
                "POST", "/fp/process/", form.headers + [("Upload-Length", "6")] + alice, form.body)
            let id = announced.text
            let known = try #require(UploadID(id))
            #expect(try await house.uploads.upload(known)?.owner == "alice")
            let patch = { (token: [(String, String)], offset: Int, text: String) in
                try await house.send(
                    "PATCH", "/fp/patch/\(id)", ServerHouse.chunkHeaders(offset, of: 6) + token, Array(text.utf8)
                ).status
            }
            #expect(try await patch(alice, 0, "abc") == 200)
            #expect(try await patch(bob, 3, "xyz") == 403)
            #expect(try await patch(Self.bearer(try await Self.token("alice", lives: -31)), 3, "xyz") == 401)
            #expect(try await patch([], 3, "xyz") == 401)
            let newer = Self.bearer(try await Self.token("alice", lives: 7200))
            #expect(try await patch(newer, 3, "def") == 200)
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", newer).text == "abcdef")
            #expect(try await house.send("GET", "/fp/restore/?id=\(id)", bob).status == 403)
        }
    }

    @Test(
        "a token that is no good is answered with 401, the error and what is wrong (RFC 6750), and no token with neither"
    )
    func challenges() async throws {
        try await ServerHouse.with(Self.withSecret) { house async throws in
            let description = { (fields: [(String, String)]) async throws -> String in
                let reply = try await house.send("POST", "/fp/process/", fields)
                #expect(reply.status == 401)
                return reply["www-authenticate"] ?? "-"
            }
            let start = "Bearer realm=\"fphost\", error=\"invalid_token\""
            #expect(
                try await description(Self.bearer(try await Self.token("alice", lives: -60)))
                    == start + ", error_description=\"The token has expired\"")
            for text in ["a.b.c", "a.b.c.d", String(repeating: "a", count: 20_000)] {
                #expect(
                    try await description(Self.bearer(text)).contains("error_description=\"The token is "), "\(text)")
            }
            let token = try await Self.token("alice")
            #expect(try await description(Self.bearer(token) + Self.bearer(token)).contains("one Authorization field"))
            #expect(try await description([]) == "Bearer realm=\"fphost\"")
            #expect(
                try await house.send("POST", "/fp/process/", [("Authorization", "bEARER   \(token)")]).status == 400)
        }
    }

    @Test("the application's tokens work beside them, and each kind is told what is wrong with its own")
    func besideStaticTokens() async throws {
        try await ServerHouse.with(Self.withSecret) { house async throws in
            #expect(try await house.call("GET", "/api/v1/uploads").status == 200)
            let expired = try await house.send(
                "GET", "/api/v1/uploads", Self.bearer(try await Self.token("alice", lives: -60)))
            #expect(expired.status == 401 && expired.text.contains("has expired"), "\(expired.text)")
            let plain = try await house.send("GET", "/api/v1/uploads", Self.bearer(try await Self.token("alice")))
            #expect(plain.status == 403)
            let application = try await Self.token("app", scope: "upload application")
            #expect(try await house.send("GET", "/api/v1/uploads", Self.bearer(application)).status == 200)
            let forged = try await Self.token(
                "app", scope: "application", secret: "another secret that is as long as it")
            #expect(try await house.send("GET", "/api/v1/uploads", Self.bearer(forged)).status == 401)
        }
    }

    @Test(
        "keys come from a URL over HTTP; what is no key set, too large, moved or gone is none, and 503 asks to come again"
    )
    func keysFromURL() async throws {
        let key = ES256PrivateKey()
        let (x, y) = try #require(key.parameters)
        let set =
            "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"\(urlSafe(x))\",\"y\":\"\(urlSafe(y))\"}]}"
        let token = try await JWTKeyCollection().add(ecdsa: key, kid: "k").sign(
            Claims(sub: "alice", exp: Int(Date.now.timeIntervalSince1970) + 3600), kid: "k")
        let shelf = KeyShelf(.text(.notFound, "gone"))
        try await ServerHouse.with({ $1.mounts = [MountLine(at: .exactly("keys")) { _ in shelf }] }) {
            keys async throws in
            var moved = Response.text(.found, set)
            moved.headers[.location] = "http://127.0.0.1:\(keys.client.port)/healthz"
            let large = Response.text(.ok, set + String(repeating: " ", count: 300 << 10))
            for (answer, isGood) in [
                (Response.text(.ok, set), true), (.text(.notFound, set), false), (moved, false), (large, false),
                (.text(.ok, "<html>"), false),
            ] {
                shelf.put(answer)
                let authenticate: (inout UploadSettings, inout ServerSettings) throws -> Void = { _, settings in
                    var jwt = JWTSettings()
                    jwt.keySetURL = "http://127.0.0.1:\(keys.client.port)/keys"
                    settings.authenticators = [try JWTAuthenticator(jwt, userAgent: "test", logger: Self.quiet)]
                }
                try await ServerHouse.with(authenticate) { house async throws in
                    // A whole form would have to follow, but it is the next thing that is looked at.
                    let reply = try await house.send("POST", "/fp/process/", Self.bearer(token))
                    #expect(reply.status == (isGood ? 400 : 503), "\(reply.text)")
                    #expect(reply["retry-after"] == (isGood ? nil : "5"))
                    #expect(try await house.call("GET", "/api/v1/uploads").status == 200)
                }
            }
        }
    }

    private func urlSafe(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
