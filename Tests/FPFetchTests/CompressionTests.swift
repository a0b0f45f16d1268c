import FPFetch
import Support
import Testing

/// Servers that compress although `identity` was asked for.
@Suite struct CompressionTests {
    private let hello = Array("hello, hello, hello".utf8)

    @Test(
        "A file that a server compresses unasked arrives as it was before",
        arguments: ["gzip", "GZIP", "x-gzip", "identity, gzip", "deflate"], ["length", "chunked", "close"])
    func unasked(coding: String, framing: String) async throws {
        var writer = DeflateWriter()
        writer.stored(hello, isLast: true)
        let body = coding == "deflate" ? writer.bytes : Gzip.file(hello)
        let server = RawServer(body, coding: coding, framing: framing)
        let (response, received) = try await makeFetcher().fetch(server.url("/a.txt"))
        #expect(received == hello)
        #expect(response.fileName == "a.txt")
        #expect(response.contentType == "text/plain")
        // What is announced is the length of something else.
        #expect(response.contentLength == nil)
        #expect(server.requests.count == 1)
        #expect(server.requests[0].fields.contains("Accept-Encoding: identity"))
    }

    @Test("Of a file in gzip twice, one is undone: the one that the server speaks of")
    func gzipOfGzip() async throws {
        let inner = Gzip.file(hello)
        let server = RawServer(Gzip.file(inner), coding: "gzip")
        #expect(try await makeFetcher().fetch(server.url("/a.bin")).1 == inner)
    }

    @Test("A file that is gzip by its name stays so", arguments: ["/a.tar.gz", "/a.TGZ", "/a.svgz", "/x?a.gz"])
    func gzipByName(path: String) async throws {
        let file = Gzip.file(hello)
        let server = RawServer(file, coding: "x-gzip")
        let (response, received) = try await makeFetcher().fetch(server.url(path))
        let isByName = !path.contains("?")
        #expect(received == (isByName ? file : hello))
        #expect(response.contentLength == (isByName ? UInt64(file.count) : nil))
    }

    @Test(
        "Codings that are not undone are refused", arguments: ["br", "zstd", "compress", "gzip, gzip", "gzip, br", "x"])
    func unknown(coding: String) async throws {
        let server = RawServer(Gzip.file(hello), coding: coding)
        let error = try await makeFetcher().failure(server.url("/a.txt"))
        #expect(error?.reason == .unsupportedEncoding)
        #expect(error?.reason.httpStatus == 502)
    }

    @Test(
        "A compressed file that ends early is incomplete, wherever it does", arguments: ["length", "chunked", "close"])
    func truncated(framing: String) async throws {
        let file = Gzip.file(hello)
        let fetcher = try makeFetcher()
        for count in 0..<file.count {
            let server = RawServer(Array(file[..<count]), coding: "gzip", framing: framing)
            #expect(await fetcher.failure(server.url("/a.txt"))?.reason == .incomplete, "\(count)")
        }
    }

    @Test("A compressed file with a wrong trailer is damaged, however much of it has arrived", arguments: [8, 4])
    func wrongTrailer(fromEnd: Int) async throws {
        var file = Gzip.file(hello)
        file[file.count - fromEnd] ^= 0x40
        let server = RawServer(file, coding: "gzip")
        let error = try #require(await makeFetcher().failure(server.url("/a.txt")))
        #expect(error.reason == .damaged)
        #expect(error.reason.httpStatus == 502)
        #expect(error.reason.message == "The remote server sends the file in a compressed form that is damaged.")
    }

    @Test("A file that unfolds beyond the limit is cut off there, and its server with it")
    func bomb() async throws {
        let wasCut = Flag()
        let server = RawServer { connection in
            let bomb = Gzip.bomb(2_000_000)
            connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
            connection.send(bomb)
            // Far from its end.
            while connection.send([UInt8](bomb.suffix(17).prefix(13))) {}
            wasCut.raise()
        }
        let response = try await makeFetcher { $0.maxSize = 1_000_000 }.open(server.url("/a.txt"))
        var received = 0
        do throws(FetchError) {
            for try await piece in response.body { received += piece.readableBytes }
            Issue.record("the body ended")
        } catch {
            #expect(error.reason == .tooLarge)
            #expect(error.reason.httpStatus == 413)
        }
        #expect(received <= 1_000_000)
        #expect(await eventually { wasCut.isRaised })
    }

    @Test("A file of exactly the limit is taken")
    func exact() async throws {
        let content = [UInt8](repeating: 7, count: 100_000)
        let server = RawServer(Gzip.file(content), coding: "gzip")
        #expect(try await makeFetcher { $0.maxSize = 101_000 }.fetch(server.url("/a.txt")).1 == content)
        // By what it unfolds to, since it is announced to be smaller.
        var writer = DeflateWriter(behind: Gzip.header)
        writer.beginFixed(isLast: true)
        writer.literal(7)
        for _ in 0..<10 { writer.repeat258() }
        writer.endBlock()
        writer.align()
        let unfolded = [UInt8](repeating: 7, count: 2581)
        let small = RawServer(writer.bytes + Gzip.trailer(of: unfolded), coding: "gzip")
        #expect(try await makeFetcher { $0.maxSize = 2581 }.fetch(small.url("/a.txt")).1 == unfolded)
        #expect(try await makeFetcher { $0.maxSize = 2580 }.failure(small.url("/a.txt"))?.reason == .tooLarge)
    }

    @Test(
        "A compressed body without end that unfolds to nothing is cut off at the limit",
        arguments: ["blocks", "members", "name"])
    func nothingWithoutEnd(kind: String) async throws {
        let wasCut = Flag()
        let server = RawServer { connection in
            connection.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
            var block = DeflateWriter()
            for _ in 0..<500 { block.stored([], isLast: false) }
            let pieces: [String: [UInt8]] = [
                "blocks": block.bytes, "members": [[UInt8]](repeating: Gzip.file([]), count: 100).flatMap { $0 },
                "name": [UInt8](repeating: 0x61, count: 1000),
            ]
            if kind == "blocks" { connection.send(Gzip.header) }
            if kind == "name" { connection.send([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 0xff]) }
            while connection.send(pieces[kind]!) {}
            wasCut.raise()
        }
        let fetcher = try makeFetcher { $0.maxSize = 100_000 }
        #expect(await fetcher.failure(server.url("/a.txt"))?.reason == .tooLarge)
        #expect(await eventually { wasCut.isRaised })
    }

    @Test("A consumer that takes little at a time gets all of a file that unfolds to much")
    func backPressure() async throws {
        let size = 1 + 258 * 8000
        var writer = DeflateWriter(behind: Gzip.header)
        writer.beginFixed(isLast: true)
        writer.literal(7)
        for _ in 0..<8000 { writer.repeat258() }
        writer.endBlock()
        writer.align()
        let content = [UInt8](repeating: 7, count: size)
        let server = RawServer(writer.bytes + Gzip.trailer(of: content), coding: "gzip", framing: "chunked")
        let fetcher = try makeFetcher { $0.bufferedBytes = 70_000 }
        let response = try await fetcher.open(server.url("/a.txt"))
        var received: [UInt8] = []
        for try await piece in response.body {
            received += piece.readableBytesView
            // The other side gets ahead as far as it may.
            await Task.yield()
        }
        #expect(received == content)
    }
}

extension RawServer {
    /// Serves a body with a content coding.
    fileprivate convenience init(_ body: [UInt8], coding: String, framing: String = "length") {
        self.init { connection in
            let field =
                switch framing {
                case "length": "Content-Length: \(body.count)\r\n"
                case "chunked": "Transfer-Encoding: chunked\r\n"
                default: ""
                }
            connection.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: \(coding)\r\n\(field)\r\n")
            if framing == "chunked", !body.isEmpty { connection.send(String(body.count, radix: 16) + "\r\n") }
            connection.send(body)
            if framing == "chunked" { connection.send((body.isEmpty ? "" : "\r\n") + "0\r\n\r\n") }
        }
    }
}
