import FPFetch
import FPHTTP
import FPServer
import FPUploads
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Support
import Testing

/// The server that remote files come from.
private struct Remote: RequestHandler {
    static let body = "remote content"

    func respond(to request: Request) async -> Response {
        let bytes = ResponseBody.bytes(ByteBuffer(string: Self.body))
        return switch request.path.description {
        case "/file.txt": Response(.ok, headers: [.contentType: "text/plain"], body: bytes)
        case "/named":
            Response(
                .ok,
                headers: [.contentType: "text/plain", .contentDisposition: "attachment; filename=cd_file.txt"],
                body: bytes)
        case "/folder/": Response(.ok, headers: [.contentType: "text/plain"], body: bytes)
        case "/page": Response(.ok, headers: [.contentType: "text/html"], body: bytes)
        case "/cut": Response(.ok, headers: [.contentType: "text/plain"], body: Self.broken)
        case "/zipped.txt": Self.zipped(Gzip.file(Array(Self.body.utf8)))
        case "/damaged.txt": Self.zipped(Gzip.file(Array(Self.body.utf8)).dropLast() + [1])
        case "/short.txt": Self.zipped(Gzip.file(Array(Self.body.utf8)).dropLast())
        case "/bomb.txt": Self.zipped(Gzip.bomb(3_000_000))
        case "/busy": Response(.serviceUnavailable)
        default: Response(.notFound)
        }
    }

    /// A file in gzip, whatever was asked for.
    private static func zipped(_ bytes: [UInt8]) -> Response {
        Response(
            .ok, headers: [.contentType: "text/plain", .contentEncoding: "gzip"], body: .bytes(ByteBuffer(bytes: bytes))
        )
    }

    /// A file that breaks off half way.
    private static var broken: ResponseBody {
        let pieces = AsyncThrowingStream<ByteBuffer, any Error> { continuation in
            continuation.yield(ByteBuffer(string: "remote"))
            continuation.finish(throwing: CancellationError())
        }
        return .stream(length: 14, PieceSequence(pieces: pieces))
    }
}

private struct PieceSequence: AsyncSequence, Sendable {
    let pieces: AsyncThrowingStream<ByteBuffer, any Error>

    func makeAsyncIterator() -> AsyncThrowingStream<ByteBuffer, any Error>.Iterator { pieces.makeAsyncIterator() }
}

@Suite("fetch")
struct FetchTests {
    private func withRemote(
        fetches: Bool = true, fetch: (inout FetchLimits, inout FetchRules) -> Void = { _, _ in },
        _ body: (ServerHouse, String) async throws -> Void
    ) async throws {
        let logger = Logger(label: "remote") { _ in SwiftLogNoOpLogHandler() }
        let remote = HTTPServer(
            configuration: .init(addresses: [.tcp(host: "127.0.0.1", port: 0)]), logger: logger, handler: Remote())
        let port = try #require(try await remote.start().first?.port)
        try await ServerHouse.with(fetches: fetches, fetch: fetch) { house in
            try await body(house, "http://127.0.0.1:\(port)")
        }
        await remote.shutdown(grace: .seconds(1))
    }

    private func encoded(_ url: String) -> String {
        url.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    }

    @Test("GET passes the remote file on, at every address, and keeps nothing")
    func get() async throws {
        try await withRemote { house, remote async throws in
            let url = encoded(remote + "/file.txt")
            for target in [
                "/fp?fetch=\(url)", "/fp/fetch/?target=\(url)", "/fp/fetch?fetch=\(url)", "/fp/fetch/\(url)",
            ] {
                let reply = try await house.send("GET", target)
                #expect(reply.status == 200, "\(target): \(reply.text)")
                #expect(reply.text == Remote.body)
                #expect(reply["content-type"] == "text/plain")
                #expect(reply["content-length"] == "14")
                #expect(reply["content-disposition"] == "attachment; filename=\"file.txt\"")
                #expect(reply["x-content-transfer-id"] == nil)
                #expect(reply["x-content-type-options"] == "nosniff")
                #expect(reply["content-security-policy"] == "sandbox; default-src 'none'")
            }
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("POST takes the URL from its body")
    func post() async throws {
        try await withRemote { house, remote async throws in
            for target in ["/fp?fetch=", "/fp/fetch/"] {
                let reply = try await house.send("POST", target, [], Array("\(remote)/file.txt".utf8))
                #expect(reply.status == 200)
                #expect(reply.text == Remote.body)
            }
        }
    }

    @Test("HEAD brings the file in as a temporary upload")
    func head() async throws {
        try await withRemote { house, remote async throws in
            let reply = try await house.send("HEAD", "/fp?fetch=\(encoded(remote + "/named"))")
            #expect(reply.status == 200)
            #expect(reply["content-length"] == "14")
            #expect(reply["content-disposition"] == "attachment; filename=\"cd_file.txt\"")
            let id = try #require(reply["x-content-transfer-id"])
            #expect(UploadID(id) != nil)
            #expect(reply.headers.first { $0.0 == "x-content-transfer-id" }?.1 == id)
            let restored = try await house.send("GET", "/fp/restore/\(id)")
            #expect(restored.text == Remote.body)
            #expect(restored["content-disposition"] == "attachment; filename=\"cd_file.txt\"")
        }
    }

    @Test("a URL that names no file gets an id for a name")
    func nameless() async throws {
        try await withRemote { house, remote async throws in
            let reply = try await house.send("GET", "/fp?fetch=\(encoded(remote + "/folder/"))")
            let name = try #require(reply["content-disposition"]?.split(separator: "\"").last.map(String.init))
            #expect(UploadID(name) != nil || name == "folder", "\(name)")
        }
    }

    @Test("what cannot be fetched is told in one sentence, with the same status for HEAD, and keeps nothing")
    func refused() async throws {
        try await withRemote { house, remote async throws in
            let rows: [(String, Int)] = [
                ("", 400), ("htt://127.0.0.1/", 400), ("ftp://127.0.0.1/a", 400), ("file:///etc/passwd", 400),
                ("http://user:pass@127.0.0.1/", 400), ("not a url", 400), ("%zz", 400), (remote + "/page", 400),
                (remote + "/missing.txt", 404), (remote + "/busy", 502), ("http://127.0.0.1:1/a", 502),
                ("http://169.254.169.254/latest/meta-data", 403), ("http://[::1]/a", 403),
            ]
            for (url, status) in rows {
                let reply = try await house.send("GET", "/fp/fetch/?target=\(encoded(url))")
                #expect(reply.status == status, "\(url): \(reply.text)")
                #expect(reply.text.hasPrefix("{\"detail\": \""), "\(url): \(reply.text)")
                #expect(!reply.text.contains("127.0.0.1"), "\(reply.text)")
                let head = try await house.send("HEAD", "/fp/fetch/?target=\(encoded(url))")
                #expect(head.status == status, "\(url)")
                #expect(head["x-content-transfer-id"] == nil)
            }
            let missing = try await house.send("GET", "/fp/fetch/?somekey=x")
            #expect(missing.text == "{\"detail\": \"Required query parameter(s) missing.\"}")
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("a remote file that breaks off is never taken for whole")
    func cut() async throws {
        try await withRemote { house, remote async throws in
            let target = "/fp?fetch=\(encoded(remote + "/cut"))"
            #expect(try await house.send("HEAD", target).status == 502)
            await #expect(throws: HTTPFailure.self) { try await house.send("GET", target) }
            _ = try await waitFor("an empty staging store", within: .seconds(10)) {
                house.filesOnDisk().isEmpty ? true : nil
            }
        }
    }

    @Test("a remote file that is compressed unasked arrives as it was before")
    func compressed() async throws {
        try await withRemote { house, remote async throws in
            let target = "/fp/fetch/?target=\(encoded(remote + "/zipped.txt"))"
            let reply = try await house.send("GET", target)
            #expect(reply.text == Remote.body)
            #expect(reply["content-encoding"] == nil)
            let head = try await house.send("HEAD", target)
            #expect(head["content-length"] == "14")
            let id = try #require(head["x-content-transfer-id"])
            #expect(try await house.send("GET", "/fp/restore/\(id)").text == Remote.body)
        }
    }

    @Test("a compressed remote file that is damaged, cut or too large is no upload, and keeps nothing")
    func compressedBadly() async throws {
        try await withRemote(fetch: { limits, _ in limits.maxSize = 1_000_000 }) { house, remote async throws in
            for (name, status, isToldInTime) in [
                ("damaged.txt", 502, true), ("short.txt", 502, false), ("bomb.txt", 413, false),
            ] {
                let target = "/fp/fetch/?target=\(encoded("\(remote)/\(name)"))"
                let head = try await house.send("HEAD", target)
                #expect(head.status == status, "\(name)")
                #expect(head["x-content-transfer-id"] == nil)
                // Where the first of it is on its way already, all that can be done is to break off.
                let reply = try? await house.send("GET", target)
                #expect(reply?.status == (isToldInTime ? status : nil), "\(name)")
            }
            _ = try await waitFor("an empty staging store", within: .seconds(10)) {
                house.filesOnDisk().isEmpty ? true : nil
            }
        }
    }

    @Test("fetch can be switched off")
    func switchedOff() async throws {
        try await withRemote(fetches: false) { house, remote async throws in
            let reply = try await house.send("GET", "/fp?fetch=\(encoded(remote + "/file.txt"))")
            #expect(reply.status == 403)
        }
    }

    @Test("other methods are refused")
    func wrongMethod() async throws {
        try await ServerHouse.with { house async throws in
            let row = Exchange("", "PATCH", "/fp/fetch/", 405, [("Allow", "GET, HEAD, POST, OPTIONS")])
            try await row.check(on: house)
        }
    }
}
