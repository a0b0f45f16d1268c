import FPHTTP
import Foundation
import HTTPTypes
import NIOCore
import Support
import Testing

/// A file of pseudo-random bytes, and how many descriptors of it this process has.
private final class SampleFile: Sendable {
    let bytes: [UInt8]
    let path: String
    private let directory: TemporaryDirectory

    init(count: Int) throws {
        var generator = SeededGenerator(seed: 1)
        let words = (0..<(count + 7) / 8).map { _ in generator.next() as UInt64 }
        bytes = words.withUnsafeBytes { Array($0.prefix(count)) }
        directory = try TemporaryDirectory()
        // As the links in /proc name it.
        path = directory.url.resolvingSymlinksInPath().standardizedFileURL.appendingPathComponent("file").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(bytes)))
    }

    func open() -> CInt {
        Glibc.open(path, O_RDONLY | O_CLOEXEC)
    }

    /// All of it, or a piece.
    func body(_ piece: Range<Int>? = nil) -> ResponseBody {
        let piece = piece ?? 0..<bytes.count
        return .file(descriptor: open(), offset: Int64(piece.lowerBound), length: Int64(piece.count))
    }

    var openCount: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.count {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
        }
    }

    func waitUntilClosed() async throws {
        try await waitFor("the file to be closed", within: deadline) { openCount == 0 ? true : nil }
    }
}

@Suite("Bodies from files")
struct FileBodyTests {
    @Test("a file, or a piece of it, comes with its length, and the connection goes on")
    func pieces() async throws {
        let file = try SampleFile(count: 5 << 20)
        let end = file.bytes.count
        for piece in [0..<end, 0..<1, 1..<2, 7..<7, end..<end, end - 1..<end, (1 << 20) - 1..<(3 << 20) + 1, 1..<end] {
            try await withServer(answering: { request in
                request.path.segments[0] == "file" ? Response(.ok, body: file.body(piece)) : await mirror(request)
            }) { address in
                let client = try await RawClient.connect(to: address)
                for _ in 0..<2 {
                    let response = try await client.exchange(get("/file"))
                    #expect(response["Content-Length"] == "\(piece.count)")
                    #expect(response["Transfer-Encoding"] == nil)
                    #expect(response.body == Array(file.bytes[piece]), "\(piece)")
                    try await file.waitUntilClosed()
                }
                #expect(try await client.exchange(get("/")).text == "GET /")
            }
        }
    }

    @Test("answers to requests that came at once keep their order")
    func pipelined() async throws {
        let file = try SampleFile(count: 3 << 20)
        try await withServer(answering: { request in
            request.path.segments[0] == "file" ? Response(.ok, body: file.body()) : await mirror(request)
        }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/a") + get("/file") + get("/file") + get("/b"))
            try await client.endInput()
            #expect(try await client.response().text == "GET /a")
            #expect(try await client.response().body == file.bytes)
            #expect(try await client.response().body == file.bytes)
            #expect(try await client.response().text == "GET /b")
        }
    }

    @Test("HTTP/1.0 gets a file and the end of the connection")
    func oldVersion() async throws {
        let file = try SampleFile(count: 3 << 20)
        try await withServer(answering: { _ in Response(.ok, body: file.body()) }) { address in
            let client = try await RawClient.connect(to: address)
            #expect(try await client.exchange("GET / HTTP/1.0\r\n\r\n").body == file.bytes)
            _ = try await client.waitForClose()
        }
    }

    @Test("a file that is not to be sent is closed")
    func unsent() async throws {
        let file = try SampleFile(count: 1 << 20)
        try await withServer(answering: { request in
            switch request.path.segments[0] {
            case "304": return Response(.notModified, body: file.body())
            case "unsendable":
                var response = Response(.ok, body: file.body())
                response.addField(.location, untrusted: "/a\nb")
                return response
            default: return Response(.ok, body: file.body())
            }
        }) { address in
            let client = try await RawClient.connect(to: address)
            let head = try await client.exchange("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n", toHEAD: true)
            #expect(head["Content-Length"] == "\(file.bytes.count)")
            try await file.waitUntilClosed()
            #expect(try await client.exchange(get("/304")).status == 304)
            try await file.waitUntilClosed()
            #expect(try await client.exchange(get("/unsendable")).status == 500)
            try await file.waitUntilClosed()
        }
    }

    @Test("many get pieces of one open file at once, whatever its position")
    func many() async throws {
        let file = try SampleFile(count: 6 << 20)
        let shared = file.open()
        defer { close(shared) }
        lseek(shared, 12345, SEEK_SET)
        try await withServer(
            configure: { $0.eventLoops = 2 },
            answering: { request in
                let start = (Int(request.path.segments[0]) ?? 0) * 123_457
                return Response(
                    .ok,
                    body: .file(
                        descriptor: fcntl(shared, F_DUPFD_CLOEXEC, 0), offset: Int64(start),
                        length: Int64(file.bytes.count - start)))
            }
        ) { address in
            try await withThrowingTaskGroup { group in
                for number in 0..<20 {
                    group.addTask {
                        let client = try await RawClient.connect(to: address)
                        let body = try await client.exchange(get("/\(number)")).body
                        #expect(body.elementsEqual(file.bytes[(number * 123_457)...]))
                    }
                }
                try await group.waitForAll()
            }
            try await waitFor("all but one to be closed", within: deadline) { file.openCount == 1 ? true : nil }
            #expect(lseek(shared, 0, SEEK_CUR) == 12345)
        }
    }

    @Test("a client that goes away closes the file, and is logged as 499")
    func clientGone() async throws {
        let file = try SampleFile(count: 64 << 20)
        let log = LogBook()
        try await withServer(log: log, answering: { _ in Response(.ok, body: file.body()) }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await waitFor("the file to be opened", within: deadline) { file.openCount == 1 ? true : nil }
            try await client.close()
            try await file.waitUntilClosed()
            try await log.lines.wait("an access line") { $0.contains { $0.hasPrefix("info GET / 499") } }
        }
    }

    @Test("a client that takes nothing for too long is given up, and one that begins to read in time is not")
    func stalled() async throws {
        let file = try SampleFile(count: 64 << 20)
        let log = LogBook()
        try await withServer(
            log: log, configure: { $0.timeouts.writeIdle = .milliseconds(100) },
            answering: { _ in Response(.ok, body: file.body()) }
        ) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await log.lines.wait("an access line") { $0.contains { $0.hasPrefix("info GET / 200 aborted") } }
            try await file.waitUntilClosed()
            try? await client.close()
        }
        try await withServer(answering: { request in
            request.path.segments[0] == "file" ? Response(.ok, body: file.body()) : await mirror(request)
        }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/file"))
            try await FlowTests.settle(address)
            try await client.startReading()
            #expect(try await client.response().body == file.bytes)
        }
    }

    @Test("a file that is shorter than promised never looks whole", arguments: [0, 1, 3 << 20])
    func short(missing: Int) async throws {
        let file = try SampleFile(count: 3 << 20)
        let log = LogBook()
        try await withServer(
            log: log,
            answering: { _ in
                .init(
                    .ok,
                    body: .file(
                        descriptor: file.open(), offset: Int64(missing), length: Int64(file.bytes.count + 1)))
            }
        ) { address in
            try await Self.expectAbort(try await RawClient.connect(to: address), log)
            try await file.waitUntilClosed()
        }
    }

    @Test("an offset beyond any file's end is no crash")
    func farAway() async throws {
        let file = try SampleFile(count: 1 << 10)
        let log = LogBook()
        try await withServer(
            log: log,
            answering: { _ in .init(.ok, body: .file(descriptor: file.open(), offset: .max - 10, length: 10)) }
        ) { address in
            try await Self.expectAbort(try await RawClient.connect(to: address), log)
        }
    }

    @Test("a file that is cut while it is sent breaks the connection off")
    func cut() async throws {
        let file = try SampleFile(count: 64 << 20)
        let log = LogBook()
        try await withServer(log: log, answering: { _ in Response(.ok, body: file.body()) }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await waitFor("the file to be opened", within: deadline) { file.openCount == 1 ? true : nil }
            #expect(truncate(file.path, 1000) == 0)
            try await client.startReading()
            let end = try await client.waitForClose()
            #expect(RawResponse.parse(end.bytes, toHEAD: false, isClosed: true) == nil)
            try await log.lines.wait("the error in the log") {
                $0.contains { $0.hasPrefix("error The response's body failed: its file is shorter than promised.") }
            }
            try await file.waitUntilClosed()
        }
    }

    @Test("a server that stops closes the files")
    func shutdown() async throws {
        let file = try SampleFile(count: 64 << 20)
        try await withServer(answering: { _ in Response(.ok, body: file.body()) }) { address in
            let client = try await RawClient.connect(to: address, reads: false)
            try await client.send(get("/"))
            try await waitFor("the file to be opened", within: deadline) { file.openCount == 1 ? true : nil }
        }
        try await file.waitUntilClosed()
    }

    @Test("a client that closed its side gets the whole file")
    func halfClosed() async throws {
        let file = try SampleFile(count: 16 << 20)
        try await withServer(answering: { _ in Response(.ok, body: file.body()) }) { address in
            let client = try await RawClient.connect(to: address)
            try await client.send(get("/"))
            try await client.endInput()
            #expect(try await client.response().body == file.bytes)
            #expect(try await client.waitForClose().bytes.isEmpty)
        }
    }

    private static func expectAbort(_ client: RawClient, _ log: LogBook) async throws {
        try await client.send(get("/"))
        let end = try await client.waitForClose()
        #expect(RawResponse.parse(end.bytes, toHEAD: false, isClosed: true) == nil)
        try await log.lines.wait("the access line, behind the error") {
            $0.contains { $0.hasPrefix("error The response's body failed: its file is shorter than promised.") }
                && $0.contains { $0.hasPrefix("info GET / 200 aborted") }
        }
    }
}
