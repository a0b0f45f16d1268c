import FPFormats
import FPHTTP
import NIOCore
import Testing

@Suite("The access log and who is asking")
struct LogTests {
    @Test("each request has one line, without the values of its query")
    func line() async throws {
        let log = LogBook()
        try await withServer(log: log, answering: echo) { address in
            let client = try await RawClient.connect(to: address)
            let target = "/fp/a%20b?patch=Secret1&fetch=https%3A%2F%2Fx%2F%3Fsig%3DSecret2&Secret3"
            _ = try await client.exchange("POST \(target) HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
            let lines = try await log.lines.wait("a line") { !$0.isEmpty }
            #expect(lines.count == 1)
            #expect(
                lines[0].hasPrefix(
                    "info POST /fp/a%20b?patch=&fetch=&- 200 bytes_in=5 bytes_out=5 client=127.0.0.1 ms="))
            #expect(!lines[0].contains("Secret"))
        }
    }

    @Test("what the handler logs, in child tasks as well, names the request by the same key as the access line")
    func context() async throws {
        let log = LogBook()
        let logger = log.logger
        let answer: @Sendable (Request) async -> Response = { request in
            logger.info("in the handler")
            await Task { logger.info("in a task of its own") }.value
            return .text(.ok, request.id)
        }
        try await withServer(log: log, answering: answer) { address in
            let id = try await RawClient.connect(to: address).exchange(get("/")).text
            let lines = try await log.lines.wait("three lines") { $0.count == 3 }
            #expect(lines.allSatisfy { $0.contains(" request_id=\(id)") }, "\(lines)")
        }
        logger.info("outside")
        #expect(log.lines.value.last == "info outside ")
    }

    @Test("requests that never reached the handler have their line too")
    func refusals() async throws {
        let log = LogBook()
        try await withServer(log: log, answering: echo) { address in
            let client = try await RawClient.connect(to: address)
            _ = try await client.exchange(get("/%zz"))
            _ = try await client.exchange("rubbish\u{85}\r\n\r\n")
            let lines = try await log.lines.wait("two lines") { $0.count == 2 }
            #expect(lines[0].hasPrefix("info GET "))
            #expect(lines[0].contains(" 400 "))
            #expect(lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x7F } })
            #expect(lines[1].hasPrefix("info - - 400 "))
        }
    }

    @Test("a request's name and client come from a trusted proxy, and from nobody else")
    func proxies() async throws {
        for (trusted, name, client) in [
            ([], nil, "127.0.0.1"),
            (["127.0.0.0/8"], "edge-1.2_3", "203.0.113.7"),
            (["10.0.0.0/8"], nil, "127.0.0.1"),
            (["::1", "127.0.0.1", "203.0.113.0/24"], "edge-1.2_3", "198.51.100.1"),
        ] as [([String], String?, String)] {
            try await withServer(
                configure: { $0.trustedProxies = TrustedProxies(trusted.compactMap { AddressBlock($0) }) },
                answering: { .text(.ok, "\($0.id) \($0.clientAddress)") }
            ) { address in
                let fields =
                    "X-Request-ID: edge-1.2_3\r\nX-Forwarded-For: 1.1.1.1, 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7\r\n"
                let parts = try await RawClient.connect(to: address).exchange(get("/", fields)).text.split(
                    separator: " ")
                #expect(parts[1] == client)
                #expect((parts[0] == "edge-1.2_3") == (name != nil))
            }
        }
    }

    @Test(
        "an insane name from a proxy is replaced",
        arguments: ["", "a b", "a\"b", "é", String(repeating: "a", count: 65)])
    func insaneName(id: String) async throws {
        try await withServer(
            configure: { $0.trustedProxies = TrustedProxies([AddressBlock("127.0.0.1")].compactMap(\.self)) },
            answering: { .text(.ok, $0.id) }
        ) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/", "X-Request-ID: \(id)\r\n"))
            #expect(response.text != id)
            #expect(!response.text.isEmpty)
        }
    }
}
