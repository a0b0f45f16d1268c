import FPPluginAPI
import PluginTestKit
import Testing

extension S3StoreTests {
    @Suite("lists")
    struct Lists {
        @Test("A list in pages, from any process, has every key once, and none of the plugin's own")
        func pages() throws {
            let fixture = try Fixture()
            let keys =
                (0..<25).map { "d\($0 % 4)/\($0 < 10 ? "0" : "")\($0)" } + [
                    "+plus", "zz", "ä", "\u{301}a", "x/\u{301}y",
                ]
            onThreads(4) { index in
                for place in stride(from: index, to: keys.count, by: 4) {
                    _ = try? fixture.store.put(keys[place], [UInt8(place)])
                }
            }
            let session = try fixture.store.begin("d0/pending", flags: FP_W_RESUMABLE)
            try session.write([1])
            try session.sync()
            let other = try fixture.another()
            for limit: UInt32 in [1, 7, 1000] {
                var found: [String] = []
                var cursor: [UInt8]?
                repeat {
                    let page = try (found.count % 2 == 0 ? fixture.store : other).page(cursor: cursor, limit: limit)
                    #expect(page.entries.count <= Int(limit))
                    found += page.entries.map(\.key)
                    cursor = page.cursor
                } while cursor != nil
                #expect(found.sorted() == keys.sorted())
            }
            #expect(try fixture.store.keys(prefix: "d1").count == 6)
            #expect(try fixture.store.keys(prefix: "d1/0") == ["d1/01", "d1/05", "d1/09"])
            #expect(try fixture.store.keys(prefix: "none") == [])
            let cut = try fixture.store.page(stopAfter: 3)
            #expect(cut.entries.count == 3)
            #expect(try fixture.store.page(cursor: cut.cursor).entries.count == keys.count - 3)
            let entry = try #require(try fixture.store.all(prefix: "zz").first)
            #expect(entry.size == 1 && entry.modified > 0 && !entry.etag.isEmpty)
        }

        @Test("A presigned URL works without a header, for what it was made for and no longer than it says")
        func presign() throws {
            let fixture = try Fixture()
            let bytes = payload(1000)
            try fixture.store.put("a b/ü.txt", bytes)
            let url = try fixture.store.presign(
                "a b/ü.txt", life: 60, type: "text/x-odd", disposition: "attachment; filename=\"q.txt\"")
            let reply = try fetch(url)
            #expect(reply.head.status == 200)
            #expect(reply.head.fields["content-type"] == "text/x-odd")
            #expect(reply.head.fields["content-disposition"] == "attachment; filename=\"q.txt\"")
            expectSame(reply.body, bytes)
            #expect(try fetch(url, method: "HEAD").head.status == 403)
            let head = try fixture.store.presign("a b/ü.txt", method: FP_PRESIGN_HEAD, life: 60)
            #expect(try fetch(head, method: "HEAD").head.status == 200)
            #expect(try fetch(url.replacing("a%20b", with: "a%20c")).head.status == 403)
            let open = try Fixture(["querystring_auth": "false", "custom_domain": "files.example.org"])
            #expect(
                try open.store.presign("x/y z", life: 60)
                    == "https://files.example.org/\(open.location)/x/y%20z")
        }
    }
}

/// Makes a request without any header of ours.
func fetch(_ url: String, method: String = "GET") throws -> (head: HTTPHead, body: [UInt8]) {
    let rest = url.dropFirst("http://".count)
    let authority = rest.prefix { $0 != "/" }
    guard let port = authority.split(separator: ":").last.flatMap({ UInt16($0) }), let socket = Socket(port: port)
    else {
        throw Problem("cannot connect to \(authority)")
    }
    let path = rest.dropFirst(authority.count)
    socket.send(Array("\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n".utf8))
    let stream = HTTPStream(socket)
    guard let head = stream.head(), let body = stream.wholeBody(of: head, toHead: method == "HEAD") else {
        throw Problem("no reply from \(authority)")
    }
    return (head, body)
}
