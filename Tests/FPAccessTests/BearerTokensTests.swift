import FPAccess
import Testing

@Suite struct BearerTokensTests {
    private let tokens = BearerTokens(["first-token-of-the-application", "second"])

    @Test func `every token of the list is accepted`() {
        #expect(tokens.accepts("first-token-of-the-application"))
        #expect(tokens.accepts("second"))
    }

    @Test(arguments: ["", "third", "secon", "second ", "Second", "secondd", "first-token-of-the-applicatio"])
    func `anything else is refused`(_ token: String) {
        #expect(!tokens.accepts(token))
    }

    @Test func `without tokens nothing is accepted, not even the empty one`() {
        let none = BearerTokens([])
        #expect(none.isEmpty)
        #expect(!none.accepts(""))
        #expect(!none.accepts(authorization: "Bearer "))
    }

    @Test func `an empty token in the list does not open the door to a request without one`() {
        #expect(!BearerTokens([""]).accepts(authorization: "Bearer "))
    }

    @Test(arguments: ["Bearer second", "bearer second", "BEARER second", "Bearer   second"])
    func `the scheme is read in any letter case`(_ value: String) {
        #expect(tokens.accepts(authorization: value))
    }

    @Test(arguments: ["second", "Basic second", "Bearersecond", "Bearer", "Bearer second,", "Bearer second x", ""])
    func `other forms of Authorization are refused`(_ value: String) {
        #expect(!tokens.accepts(authorization: value))
    }
}
