import FPConfig
import Testing

struct ForwardAuthenticationTests {
    @Test func `an application is asked only if the file names its URL`() throws {
        #expect(try load(oneStore).authentication.isEmpty)
        let settings = try load(oneStore + "authentication.forward.url: 'http://127.0.0.1:8000/auth?k=1'")
        let forward = try #require(settings.authentication.forward)
        #expect(!settings.authentication.isEmpty)
        #expect(forward.url == "http://127.0.0.1:8000/auth?k=1")
        #expect(forward.credentials == ["Cookie", "Authorization"])
        #expect(forward.headers.contains("X-CSRFToken") && !forward.askAlways)
        #expect((forward.owner, forward.scopes) == ("X-FPHost-Owner", "X-FPHost-Scopes"))
        #expect((forward.roles, forward.concurrency) == ("X-FPHost-Roles", 64))
        #expect((forward.timeout, forward.cache) == (.seconds(5), .seconds(10)))
    }

    @Test func `every key is taken`() throws {
        let settings = try load(
            oneStore + """
                authentication:
                  forward:
                    url: https://app.example.org/auth
                    credentials: [X-API-Key]
                    headers: []
                    ask_always: true
                    owner: Remote-User
                    scopes: Remote-Scopes
                    roles: Remote-Groups
                    timeout: 500ms
                    cache: 0s
                    concurrency: 3
                """)
        let forward = try #require(settings.authentication.forward)
        #expect((forward.credentials, forward.headers) == (["X-API-Key"], []))
        #expect(forward.askAlways)
        #expect((forward.owner, forward.scopes) == ("Remote-User", "Remote-Scopes"))
        #expect((forward.roles, forward.concurrency) == ("Remote-Groups", 3))
        #expect((forward.timeout, forward.cache) == (.milliseconds(500), .zero))
    }

    @Test(arguments: [
        ("timeout: 1s", #"has no "url", so nothing of it applies; give the URL that is asked"#),
        ("url: ftp://a.org/x", #"must begin with http:// or https://"#),
        ("url: /auth", #"must be a URL"#),
        ("url: 'http://u:p@a.org/'", "has a user name or password"),
        ("url: 'http://a.org/#x'", "has a fragment"),
        ("url: 'http:///x'", "has no host"),
        ("url: http://a.org, credentials: []", "is empty, so nothing is ever asked"),
        ("url: http://a.org, headers: [Host]", "is a field that the host fills in itself"),
        ("url: http://a.org, headers: [x-forwarded-for]", "is a field that the host fills in itself"),
        ("url: http://a.org, headers: [X-FPHost-Owner]", "is a field that the host fills in itself"),
        ("url: http://a.org, credentials: [Content-Length]", "is a field that the host fills in itself"),
        ("url: http://a.org, headers: ['a b']", "is no name of a header field"),
        ("url: http://a.org, owner: 'a:'", "is no name of a header field"),
        ("url: http://a.org, owner: ''", "is no name of a header field"),
        ("url: http://a.org, concurrency: 0", "1"),
    ])
    func `what cannot work is refused at its place`(keys: String, complaint: String) {
        let found = complaints(oneStore + "authentication: {forward: {\(keys)}}")
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.hasPrefix("fphost.yaml:2:") && $0.contains(complaint) }, "\(found)")
    }
}
