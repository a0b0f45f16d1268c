import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Pages of other origins")
struct CORSTests {
    static let exposed = "Upload-Offset, ETag"

    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let policy: CORSPolicy?
        let origin: String?
        let allowed: String?
        let credentials: String?
        let varies: Bool
        var testDescription: String { name }
    }

    static let app = CORSPolicy(origins: .only(["https://app.test", "https://other.test:8443"]))
    static let cookies = CORSPolicy(origins: .only(["https://app.test"]), allowsCredentials: true)

    static let cases: [Case] = [
        Case(name: "no policy", policy: nil, origin: "https://app.test", allowed: nil, credentials: nil, varies: false),
        Case(
            name: "listed", policy: app, origin: "https://app.test", allowed: "https://app.test", credentials: nil,
            varies: true),
        Case(
            name: "listed with port", policy: app, origin: "https://other.test:8443",
            allowed: "https://other.test:8443", credentials: nil, varies: true),
        Case(
            name: "other port", policy: app, origin: "https://other.test", allowed: nil, credentials: nil, varies: true),
        Case(
            name: "other scheme", policy: app, origin: "http://app.test", allowed: nil, credentials: nil, varies: true),
        Case(
            name: "suffix", policy: app, origin: "https://app.test.evil.test", allowed: nil, credentials: nil,
            varies: true),
        Case(name: "null", policy: app, origin: "null", allowed: nil, credentials: nil, varies: true),
        Case(name: "no origin", policy: app, origin: nil, allowed: nil, credentials: nil, varies: true),
        Case(
            name: "credentials", policy: cookies, origin: "https://app.test", allowed: "https://app.test",
            credentials: "true", varies: true),
        Case(
            name: "any", policy: CORSPolicy(origins: .any), origin: "https://x.test", allowed: "*", credentials: nil,
            varies: false),
        Case(
            name: "any never with credentials", policy: CORSPolicy(origins: .any, allowsCredentials: true),
            origin: "https://x.test", allowed: "*", credentials: nil, varies: false
        ),
    ]

    @Test("every response says who may read it, errors included", arguments: cases)
    func responses(_ one: Case) async throws {
        try await withServer(
            configure: {
                $0.cors = one.policy
                $0.cors?.exposedFields = [HTTPField.Name(constant: "Upload-Offset"), .eTag]
            },
            answering: { request in
                switch request.path.segments[0] {
                case "error": .text(.payloadTooLarge, "no")
                case "broken": unsendable()
                default: await mirror(request)
                }
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            let origin = one.origin.map { "Origin: \($0)\r\n" } ?? ""
            for (path, status) in [("/", 200), ("/error", 413), ("/broken", 500), ("/%zz", 400)] {
                let response = try await client.exchange(get(path, origin))
                #expect(response.status == status)
                #expect(response["Access-Control-Allow-Origin"] == one.allowed, "\(path)")
                #expect(response["Access-Control-Allow-Credentials"] == one.credentials)
                #expect(response["Access-Control-Expose-Headers"] == (one.allowed == nil ? nil : Self.exposed))
                #expect(response["Vary"] == (one.varies ? "Origin" : nil))
            }
        }
    }

    @Test("a policy that exposes nothing names nothing")
    func nothingExposed() async throws {
        try await withServer(configure: { $0.cors = Self.app }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(get("/", "Origin: https://app.test\r\n"))
            #expect(response["Access-Control-Allow-Origin"] == "https://app.test")
            #expect(response["Access-Control-Expose-Headers"] == nil)
        }
    }

    @Test("a preflight is answered without asking the handler", arguments: cases)
    func preflight(_ one: Case) async throws {
        let asked = Watched(0)
        try await withServer(
            configure: { $0.cors = one.policy },
            answering: { _ in
                asked.change { $0 += 1 }
                return .text(.unauthorized, "")
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            let origin = one.origin.map { "Origin: \($0)\r\n" } ?? ""
            let response = try await client.exchange(
                "OPTIONS /fp?patch=x HTTP/1.1\r\nHost: t\r\n\(origin)Access-Control-Request-Method: PATCH\r\n"
                    + "Access-Control-Request-Headers: upload-offset, Authorization\r\n\r\n"
            )
            guard one.policy != nil, one.origin != nil else {
                #expect(response.status == 401)
                return
            }
            #expect(response.status == 204)
            #expect(asked.value == 0)
            #expect(response["Access-Control-Allow-Origin"] == one.allowed)
            let isAllowed = one.allowed != nil
            #expect(
                response["Access-Control-Allow-Methods"]
                    == (isAllowed ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : nil))
            #expect(response["Access-Control-Allow-Headers"] == (isAllowed ? "upload-offset, Authorization" : nil))
            #expect(response["Access-Control-Max-Age"] == (isAllowed ? "600" : nil))
            #expect(response["Access-Control-Allow-Credentials"] == one.credentials)
        }
    }

    @Test("an OPTIONS that is no preflight is the handler's")
    func plainOptions() async throws {
        try await withServer(configure: { $0.cors = Self.app }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(
                "OPTIONS /a HTTP/1.1\r\nHost: t\r\nOrigin: https://app.test\r\n\r\n")
            #expect(response.text == "OPTIONS /a")
            #expect(response["Access-Control-Allow-Origin"] == "https://app.test")
        }
    }

    @Test("a preflight cannot put anything but names into the answer")
    func hostilePreflight() async throws {
        try await withServer(configure: { $0.cors = Self.app }, answering: mirror) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(
                "OPTIONS /a HTTP/1.1\r\nHost: t\r\nOrigin: https://app.test\r\nAccess-Control-Request-Method: PUT\r\n"
                    + "Access-Control-Request-Headers: x y, <script>\r\n\r\n"
            )
            #expect(response.status == 204)
            #expect(response["Access-Control-Allow-Headers"] == nil)
        }
    }
}
