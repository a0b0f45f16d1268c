import FPHTTP
import HTTPTypes
import NIOCore
import Testing

@Suite("Responses")
struct ResponseTests {
    struct Broken: Error {}

    /// A stream of the given pieces that notes its closing, and may fail at the end.
    static func stream(
        _ pieces: [String],
        length: Int64?,
        fails: Bool = false,
        closes: Watched<Int>
    ) -> ResponseBody {
        let rest = Watched(pieces)
        return .stream(
            length: length,
            next: {
                guard let piece = rest.value.first else {
                    if fails {
                        throw Broken()
                    }
                    return nil
                }
                rest.change { $0.removeFirst() }
                return ByteBuffer(string: piece)
            },
            close: { closes.change { $0 += 1 } }
        )
    }

    @Test("a stream of known length comes with its length, of unknown length in chunks; both close once")
    func streams() async throws {
        for length in [Int64(6), nil] {
            let closes = Watched(0)
            try await withServer(answering: { _ in
                Response(.ok, body: Self.stream(["ab", "", "cd", "ef"], length: length, closes: closes))
            }) { address in
                let client = try await RawClient.connect(to: address)
                let response = try await client.exchange(get("/"))
                #expect(response.text == "abcdef")
                #expect(response["Content-Length"] == length.map { "\($0)" })
                #expect(response["Transfer-Encoding"] == (length == nil ? "chunked" : nil))
                try await closes.wait("the stream to be closed") { $0 == 1 }
                #expect(try await client.exchange(get("/")).text == "abcdef", "the connection goes on")
            }
        }
    }

    @Test("an empty stream is an empty body")
    func emptyStream() async throws {
        for length in [Int64(0), nil] {
            try await withServer(answering: { _ in
                Response(.ok, body: Self.stream([], length: length, closes: Watched(0)))
            }) { address in
                let client = try await RawClient.connect(to: address)
                #expect(try await client.exchange(get("/")).body.isEmpty)
                #expect(try await client.exchange(get("/")).status == 200)
            }
        }
    }

    @Test("an asynchronous sequence is a stream too")
    func sequence() async throws {
        try await withServer(answering: { _ in
            let (stream, source) = AsyncStream.makeStream(of: ByteBuffer.self)
            source.yield(ByteBuffer(string: "ab"))
            source.yield(ByteBuffer(string: "c"))
            source.finish()
            return Response(.ok, body: .stream(length: 3, stream))
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response.text == "abc")
        }
    }

    @Test("HTTP/1.0 gets a stream of unknown length until the connection closes")
    func untilClose() async throws {
        try await withServer(answering: { _ in
            Response(.ok, body: Self.stream(["ab", "cd"], length: nil, closes: Watched(0)))
        }) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(response.text == "abcd")
            #expect(response["Connection"] == "close")
            #expect(response["Transfer-Encoding"] == nil)
        }
    }

    @Test("a stream that fails before its first bytes is a clean 500")
    func failsAtOnce() async throws {
        let closes = Watched(0)
        let log = LogBook()
        try await withServer(
            log: log,
            answering: { request in
                if request.path.segments[0] == "fail" {
                    return Response(.ok, body: Self.stream([], length: 10, fails: true, closes: closes))
                }
                return await mirror(request)
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(get("/fail"))
            #expect(response.status == 500)
            #expect(!response.text.contains("Broken"))
            try await closes.wait("the stream to be closed") { $0 == 1 }
            try await log.lines.wait("the error in the log") {
                $0.contains { $0.contains("error The response's body failed: Broken()") }
            }
            #expect(try await client.exchange(get("/")).status == 200, "the connection goes on")
        }
    }

    @Test("a stream that fails later, or is too short or too long, never looks whole")
    func failsLater() async throws {
        for (length, pieces, fails) in [
            (Int64(10), ["abc"], true), (nil, ["abc"], true), (10, ["abc"], false), (3, ["abc", "d"], false),
        ] as [(Int64?, [String], Bool)] {
            for version in ["1.1", "1.0"] {
                let closes = Watched(0)
                let log = LogBook()
                try await withServer(
                    log: log,
                    answering: { _ in
                        Response(.ok, body: Self.stream(pieces, length: length, fails: fails, closes: closes))
                    }
                ) { address in
                    let client = try await RawClient.connect(to: address)
                    try await client.send("GET / HTTP/\(version)\r\nHost: t\r\n\r\n")
                    let end = try await client.waitForClose()
                    let response = RawResponse.parse(end.bytes, toHEAD: false, isClosed: true)
                    let isWhole = response != nil && !end.wasReset
                    #expect(!isWhole, "\(pieces) of \(String(describing: length)), HTTP/\(version)")
                    try await closes.wait("the stream to be closed") { $0 == 1 }
                    try await log.lines.wait("an access line") {
                        $0.contains { $0.hasPrefix("info GET / 200 aborted") }
                    }
                }
            }
        }
    }

    @Test("HEAD gets the header fields of the GET, and no body")
    func head() async throws {
        let closes = Watched(0)
        try await withServer(answering: { request in
            switch request.path.segments[0] {
            case "bytes": return .text(.ok, "hello")
            case "stream": return Response(.ok, body: Self.stream(["hello"], length: 5, closes: closes))
            case "chunked": return Response(.ok, body: Self.stream(["hello"], length: nil, closes: closes))
            default: return Response(.ok, body: .omitted(length: 5))
            }
        }) { address in
            let client = try await RawClient.connect(to: address)
            for (path, length) in [("bytes", "5"), ("stream", "5"), ("chunked", nil), ("omitted", "5")] {
                let response = try await client.exchange("HEAD /\(path) HTTP/1.1\r\nHost: t\r\n\r\n", toHEAD: true)
                #expect(response.status == 200)
                #expect(response["Content-Length"] == length)
            }
            try await closes.wait("both streams to be closed, unread") { $0 == 2 }
            #expect(try await client.exchange(get("/bytes")).text == "hello")
            #expect(try await client.exchange(get("/omitted")).status == 500)
        }
    }

    @Test("204 and 304 have no body, whatever the handler gives them")
    func bodiless() async throws {
        try await withServer(answering: { request in
            Response(
                request.path.segments[0] == "204" ? .noContent : .notModified, body: .bytes(ByteBuffer(string: "x")))
        }) { address in
            let client = try await RawClient.connect(to: address)
            for status in [204, 304] {
                let response = try await client.exchange(get("/\(status)"))
                #expect(response.status == status)
                #expect(response["Content-Length"] == nil)
            }
        }
    }

    @Test("a value that HTTP does not allow is a 500", arguments: ["b\r\nX-Injected: c", "b\nc", "b\rc", "b\u{0}c"])
    func injection(value: String) async throws {
        let log = LogBook()
        try await withServer(
            log: log,
            answering: { _ in
                var response = Response(.ok, body: .bytes(ByteBuffer(string: "x")))
                response.addField(HTTPField.Name(constant: "X-A"), untrusted: value)
                return response
            }
        ) { address in
            let client = try await RawClient.connect(to: address)
            let response = try await client.exchange(get("/"))
            #expect(response.status == 500)
            #expect(response["X-A"] == nil)
            #expect(response["X-Injected"] == nil)
            try await log.lines.wait("the error in the log") {
                $0.contains { $0.hasPrefix("error The handler's response cannot be sent: field(X-A)") }
            }
        }
    }

    @Test("a value from outside that HTTP allows is sent as it is", arguments: ["/a?b=c", "é 日", "a\tb", ""])
    func untrustedValue(value: String) async throws {
        try await withServer(answering: { _ in
            var response = Response(.ok)
            response.addField(.location, untrusted: value)
            return response
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response["Location"] == value)
        }
    }

    @Test("no value can break the response", arguments: ["b\r\nX-Injected: c", "b\nc", "b\rc", "b\u{0}c"])
    func brokenValue(value: String) async throws {
        try await withServer(answering: { _ in
            Response(.ok, headers: [.location: value], body: .bytes(ByteBuffer(string: "x")))
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response.status == 200)
            #expect(response["Location"]?.hasPrefix("b ") == true)
            #expect(response["X-Injected"] == nil)
        }
    }

    @Test("the connection's own header fields are not the handler's to set")
    func ownFields() async throws {
        try await withServer(answering: { _ in
            Response(
                .ok,
                headers: [
                    .contentLength: "99", HTTPField.Name(constant: "transfer-encoding"): "chunked", .server: "x",
                    .date: "y", HTTPField.Name(constant: "X-A"): "é 日",
                ],
                body: .bytes(ByteBuffer(string: "abc"))
            )
        }) { address in
            let response = try await RawClient.connect(to: address).exchange(get("/"))
            #expect(response.text == "abc")
            #expect(response["Content-Length"] == "3")
            #expect(response["Transfer-Encoding"] == nil)
            #expect(response["Server"] == "fphost")
            #expect(response["X-A"] == "é 日")
        }
    }

    @Test("a status that is none is a 500")
    func badStatus() async throws {
        try await withServer(answering: { request in
            Response(HTTPResponse.Status(code: Int(request.path.segments[0]) ?? 0))
        }) { address in
            let client = try await RawClient.connect(to: address)
            for status in [99, 101, 600, 999] {
                #expect(try await client.exchange(get("/\(status)")).status == 500)
            }
            #expect(try await client.exchange(get("/460")).status == 460)
        }
    }

    @Test("a status keeps the reason phrase that clients know")
    func reasonPhrases() async throws {
        try await withServer(answering: { request in
            Response(.numbered(Int(request.path.segments[0]) ?? 0))
        }) { address in
            let client = try await RawClient.connect(to: address)
            for line in [
                "404 Not Found", "413 Payload Too Large", "502 Bad Gateway", "507 Insufficient Storage", "460 ",
            ] {
                #expect(try await client.exchange(get("/\(line.prefix(3))")).statusLine == "HTTP/1.1 \(line)")
            }
        }
    }

    @Test("interim responses go out before the answer, and not to HTTP/1.0")
    func interim() async throws {
        try await withServer(answering: { request in
            let status = HTTPResponse.Status(code: 104, reasonPhrase: "Upload Resumption Supported")
            request.inform(status, [.location: "/uploads/1"])
            request.inform(status, [.location: "/a\r\nX: y"])
            request.inform(.ok, [:])
            return await mirror(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            let interim = try await client.exchange(get("/"))
            #expect(interim.statusLine == "HTTP/1.1 104 Upload Resumption Supported")
            #expect(interim["Location"] == "/uploads/1")
            let broken = try await client.response()
            #expect(broken.status == 104)
            #expect(broken["X"] == nil, "a field's value stays one line")
            #expect(try await client.response().status == 200)
            #expect(try await client.exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status == 200)
        }
    }
}
