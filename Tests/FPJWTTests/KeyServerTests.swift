import FPFormats
import FPJWT
import JWTKit
import Support
import Synchronization
import Testing

/// Answers downloads when a test says so. One that no test answers fails in the end, so that nothing waits for ever.
private final class Shelf: Sendable {
    typealias Done = @Sendable (Result<[UInt8], Complaint>) -> Void

    private let waiting = Mutex<[Int: Done]>([:])
    private let begun = Mutex(0)

    /// How many downloads have begun.
    var count: Int { begun.withLock { $0 } }

    var download: KeyDownload {
        KeyDownload { done in
            let number = self.begun.withLock { begun in
                begun += 1
                return begun
            }
            self.waiting.withLock { $0[number] = done }
            Task {
                try await Task.sleep(for: .seconds(60))
                self.take(number)?(.failure(Complaint("is not answered by the test")))
            }
        }
    }

    private func take(_ number: Int?) -> Done? {
        waiting.withLock { waiting in (number ?? waiting.keys.min()).flatMap { waiting.removeValue(forKey: $0) } }
    }

    /// Answers the download that waits, as soon as one does.
    func answer(_ text: String?) async throws {
        let done = try await waitFor("a download", within: .seconds(30)) { self.take(nil) }
        done(text.map { .success(Array($0.utf8)) } ?? .failure(Complaint("cannot be reached: it is down")))
    }
}

@Suite("Keys from a URL")
struct KeyServerTests {
    private let old = ES256PrivateKey()
    private let new = ES256PrivateKey()
    private let shelf = Shelf()
    private let clock = TestClock()
    private let log = LogLines()

    private func keeper(_ change: (inout JWTSettings) -> Void = { _ in }) throws -> JWTAuthenticator {
        try authenticator(clock: clock, download: shelf.download, log: log, change)
    }

    private func token(_ key: ES256PrivateKey, _ id: String?, owner: String = "alice") async throws -> String {
        let name = id.map { ",\"kid\":\"\($0)\"" } ?? ""
        return try await Signer(key).token(
            header: "{\"alg\":\"ES256\"\(name)}", Claims.of("", owner: owner, expires: TestClock.start + 1_000_000))
    }

    @Test("the keys are got at the start; tokens wait for them, and are answered with 503 while they cannot be had")
    func start() async throws {
        let keeper = try keeper()
        let token = try await token(old, "old")
        async let first = keeper.answer(token)
        try await shelf.answer(nil)
        #expect(await first == "503")
        #expect(await keeper.answer(token) == "503")
        #expect(shelf.count == 1)
        clock.advance(by: 5)
        async let second = keeper.answer(token)
        try await shelf.answer(keySet((old, "old")))
        #expect(await second == "alice")
        #expect(shelf.count == 2)
        #expect(
            log.all == [
                "warning https://id.example.org/keys cannot be reached: it is down. Tokens are answered with 503 until it "
                    + "gives its keys.", "notice https://id.example.org/keys has 1 keys for tokens",
            ])
    }

    @Test("what could not be good whatever the keys are is refused, and not put off, while they cannot be had")
    func certainly() async throws {
        let keeper = try keeper()
        try await shelf.answer(nil)
        #expect(await keeper.answer("no.token.atall").contains("no signed JSON Web Token"))
        #expect(await keeper.answer("static-token").contains("no signed JSON Web Token"))
        let secret = try await Signer(secret: [UInt8](repeating: 1, count: 32)).token()
        #expect(await keeper.answer(secret).contains("by an algorithm that none"))
    }

    @Test("a key of the settings is enough for its own tokens while the URL fails")
    func ownKeys() async throws {
        let secret = String(repeating: "s", count: 32)
        let keeper = try keeper { $0.secret = secret }
        try await shelf.answer(nil)
        #expect(await keeper.answer(try await Signer(secret: secret.utf8).token()) == "alice")
    }

    @Test("rotation: an unknown kid has the URL asked at once, but every ten seconds at most")
    func rotation() async throws {
        let keeper = try keeper()
        try await shelf.answer(keySet((old, "old")))
        #expect(await keeper.answer(try await token(old, "old")) == "alice")
        for name in ["a", "b", "c"] {
            #expect(await keeper.answer(try await token(new, name)).contains("not signed with one of the keys"))
        }
        #expect(shelf.count == 1)
        clock.advance(by: 10)
        let newToken = try await token(new, "new")
        async let rotated = keeper.answer(newToken)
        try await shelf.answer(keySet((old, "old"), (new, "new")))
        #expect(await rotated == "alice")
        #expect(await keeper.answer(try await token(new, "none")).contains("not signed with one of the keys"))
        #expect(await keeper.answer(try await token(new, "old")).contains("not signed with one of the keys"))
        #expect(shelf.count == 2)
    }

    @Test("rotation of a key without a name: a token that none of the keys has signed has the URL asked, as seldom")
    func namelessRotation() async throws {
        let keeper = try keeper()
        try await shelf.answer(keySet((old, nil)))
        #expect(await keeper.answer(try await token(old, nil)) == "alice")
        #expect(await keeper.answer(try await token(new, nil)).contains("not signed with one of the keys"))
        clock.advance(by: 10)
        let rotated = try await token(new, nil, owner: "bob")
        async let answer = keeper.answer(rotated)
        try await shelf.answer(keySet((new, nil)))
        #expect(await answer == "bob")
        #expect(shelf.count == 2)
    }

    @Test("many tokens with unknown kids share one download")
    func oneDownload() async throws {
        let keeper = try keeper()
        try await shelf.answer(keySet((old, "old")))
        _ = await keeper.answer(try await token(old, "old"))
        clock.advance(by: 10)
        let token = try await token(new, "new")
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { await keeper.answer(token) } }
            try? await shelf.answer(keySet((new, "new")))
            for await answer in group { #expect(answer == "alice") }
        }
        #expect(shelf.count == 2)
    }

    @Test("the last good keys stay in force while the URL fails or answers with nonsense, and are logged once a minute")
    func lastGood() async throws {
        let keeper = try keeper()
        try await shelf.answer(keySet((old, "old")))
        #expect(await keeper.answer(try await token(old, "old", owner: "0")) == "0")
        for (round, text) in [nil, "<html>", "{\"keys\":[]}", "{}", keySet((old, "old")) + "x"].enumerated() {
            clock.advance(by: round == 0 ? 600 : 6)
            let token = try await token(old, "old", owner: "\(round + 1)")
            async let answer = keeper.answer(token)
            try await shelf.answer(text)
            #expect(await answer == "\(round + 1)")
        }
        #expect(shelf.count == 6)
        #expect(log.all.count == 2 && log.all.last?.hasSuffix("The keys that it gave before stay in force.") == true)
        // A key that cannot be got now may be good, and that is no fault of the visitor.
        #expect(await keeper.answer(try await token(new, "new")) == "503")
        clock.advance(by: 6)
        let newToken = try await token(new, "new")
        async let recovered = keeper.answer(newToken)
        try await shelf.answer(keySet((new, "new")))
        #expect(await recovered == "alice")
        #expect(await keeper.answer(try await token(old, "old")).contains("not signed with one of the keys"))
    }

    @Test("keys are got again before they are too old; one that is gone then is no good, also for tokens seen before")
    func refresh() async throws {
        let keeper = try keeper()
        try await shelf.answer(keySet((old, "old")))
        let token = try await token(old, "old")
        #expect(await keeper.answer(token) == "alice")
        clock.advance(by: 479)
        #expect(await keeper.answer(token) == "alice")
        #expect(shelf.count == 1)
        clock.advance(by: 1)
        #expect(await keeper.answer(token) == "alice")
        #expect(shelf.count == 2)
        clock.advance(by: 120)
        async let late = keeper.answer(token)
        try await shelf.answer(keySet((new, "new")))
        // Its key may have come back since that download began.
        try await shelf.answer(keySet((new, "new")))
        #expect(await late.contains("not signed with one of the keys"))
        #expect(shelf.count == 3)
    }

    @Test("a secret in a set that anybody may read is no key")
    func publicSecret() async throws {
        let keeper = try keeper()
        let secret = [UInt8](repeating: 7, count: 32)
        let entry = "{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"\(Base64URL.encoded(secret))\"},"
        try await shelf.answer(keySet((old, "old")).replacing("[", with: "[" + entry))
        #expect(await keeper.answer(try await token(old, "old")) == "alice")
        #expect(await keeper.answer(try await Signer(secret: secret).token()).contains("by an algorithm that none"))
    }
}
