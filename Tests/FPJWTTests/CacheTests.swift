import FPHTTP
import FPJWT
import JWTKit
import Testing

@Suite("Tokens that were verified before")
struct CacheTests {
    private let key = ES256PrivateKey()

    @Test("a token that was good is no longer when it has expired")
    func expiry() async throws {
        let clock = TestClock()
        let keeper = try authenticator(for: key, clock: clock)
        let token = try await Signer(key).token(Claims.of("", expires: TestClock.start + 60))
        #expect(await keeper.answer(token) == "alice")
        clock.advance(by: 89)
        #expect(await keeper.answer(token) == "alice")
        clock.advance(by: 1)
        #expect(await keeper.answer(token).contains("has expired"))
    }

    @Test("many callers get what their own tokens say, again and again, more of them than are remembered")
    func many() async throws {
        let keeper = try authenticator { $0.secret = String(repeating: "s", count: 32) }
        let signer = try await Signer(secret: String(repeating: "s", count: 32).utf8)
        let tokens = try (0..<5000).map { try signer.token(Claims.of("\"scope\":\"s\($0)\"", owner: "owner-\($0)")) }
        for _ in 0..<2 {
            for (number, token) in tokens.enumerated() {
                let caller = try await keeper.caller(Array(token.utf8))
                #expect(caller.owner == "owner-\(number)" && caller.scopes == ["s\(number)"])
            }
        }
        #expect(keeper.rememberedTokens <= 4096)
    }
}
