import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

/// What a proxy that is out of order answers in place of S3, or after it.
private let page = "<!DOCTYPE html><html><body>Welcome to the network</body></html>"
private let html = ["Content-Type": "text/html; charset=utf-8"]

extension S3StoreTests {
    @Suite("successes without their results")
    struct Proofs {
        private static let pages: [(fields: [String: String], text: String)] = [
            ([:], ""), (html, page), (["ETag": "\"0\""], page), ([:], "fine"),
            ([:], "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"),
            (["ETag": "\"0\""], "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>"),
        ]

        private static func isPut(_ head: HTTPHead) -> Bool {
            head.method == "PUT" && head.path.hasSuffix("/k") && head.query.isEmpty
        }

        private static func isCompletion(_ head: HTTPHead) -> Bool {
            head.method == "POST" && head.query.hasPrefix("uploadId=") && head.path.hasSuffix("/k")
        }

        @Test(
            "A put that is answered without an ETag counts if the object is there, and else can be made again",
            arguments: 0..<3)
        func put(number: Int) throws {
            let (fields, text) = Self.pages[number]
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("warm", [1], flags: FP_W_IF_NOT_EXISTS)
            proxy.set { head, _ in Self.isPut(head) ? .replace(200, fields, text) : .pass }
            let stored = try fixture.store.put("k", Pattern.bytes(1000), flags: FP_W_IF_NOT_EXISTS)
            let found = try fixture.store.stat("k")
            #expect(stored.etag == found.etag && stored.size == 1000)

            try fixture.store.remove("k")
            proxy.set { head, _ in Self.isPut(head) ? .reply(200, fields, text) : .pass }
            let writer = try fixture.store.begin("k", flags: FP_W_IF_NOT_EXISTS, size: 1000)
            try writer.write(Pattern.bytes(1000))
            for _ in 0..<2 {
                let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
                #expect(failure?.outcomeUnknown == false)
            }
            #expect(try fixture.store.lookup("k") == nil)
            proxy.set { _, _ in .pass }
            try writer.commit()
            expectSame(try fixture.store.get("k"), Pattern.bytes(1000))
        }

        @Test("A put is in doubt where nothing can be looked at")
        func doubt() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            proxy.set { head, _ in
                head.method == "HEAD" ? .reply(200, html) : Self.isPut(head) ? .replace(200, html, page) : .pass
            }
            let writer = try fixture.store.begin("k")
            try writer.write([1, 2, 3])
            let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            #expect(failure?.outcomeUnknown == true)
            proxy.set { _, _ in .pass }
            #expect(try fixture.store.get("k") == [1, 2, 3])
        }

        @Test(
            "A completion without a result with an ETag counts if the object is there, and else can be made again",
            arguments: pages.indices)
        func completion(number: Int) throws {
            let (fields, text) = Self.pages[number]
            let bytes = Pattern.bytes(partSize + 10)
            let proxy = FaultProxy { head, _ in Self.isCompletion(head) ? .replace(200, fields, text) : .pass }
            let fixture = try Fixture(url: proxy.url)
            let stored = try fixture.store.put("k", bytes)
            let found = try fixture.store.stat("k")
            #expect(stored.etag == found.etag)
            try fixture.store.remove("k")

            proxy.set { head, _ in Self.isCompletion(head) ? .reply(200, fields, text) : .pass }
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(bytes)
            let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            #expect(failure?.outcomeUnknown == false)
            #expect(try fixture.store.lookup("k") == nil)
            proxy.set { _, _ in .pass }
            try writer.commit()
            writer.close()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("A completion after which the object is not there does not count")
        func vanished() throws {
            let proxy = FaultProxy { head, _ in
                Self.isCompletion(head)
                    ? .reply(
                        200, [:], "<CompleteMultipartUploadResult><ETag>\"1-2\"</ETag></CompleteMultipartUploadResult>")
                    : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            expectFailure(FP_E_TRANSIENT) { try fixture.store.put("k", Pattern.bytes(partSize + 1)) }
        }

        @Test("A part that is answered without an ETag is sent again, and only that part", arguments: 0..<3)
        func part(number: Int) throws {
            let (fields, text) = Self.pages[number]
            let seen = Counter()
            let proxy = FaultProxy { head, _ in
                head.query.hasPrefix("partNumber=2&") && seen.next() == 0 ? .reply(200, fields, text) : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            let bytes = Pattern.bytes(3 * partSize + 10)
            // With an ETag, nothing but the page itself shows that it is not S3's.
            try fixture.store.put("k", bytes)
            expectSame(try fixture.store.get("k"), bytes)
            #expect(proxy.requests.filter { $0.contains("?partNumber=") }.count == 5)
        }

        @Test(
            "A copy without a result with an ETag counts if the copy is there, and else leaves the original alone",
            arguments: 0..<4)
        func copy(number: Int) throws {
            let (fields, text) = Self.pages[number]
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("s", Pattern.bytes(1000))
            let flags = FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS
            proxy.set { head, _ in Self.isPut(head) ? .reply(200, fields, text) : .pass }
            let failure = expectFailure(FP_E_TRANSIENT) { try fixture.store.copy("s", to: "k", flags: flags) }
            #expect(failure?.outcomeUnknown == false)
            #expect(try fixture.store.keys() == ["s"])

            proxy.set { head, _ in Self.isPut(head) ? .replace(200, fields, text) : .pass }
            let copied = try fixture.store.copy("s", to: "k", flags: flags)
            let found = try fixture.store.stat("k")
            #expect(copied.info.etag == found.etag && copied.info.size == 1000)
            #expect(try fixture.store.keys() == ["k"])

            try fixture.store.put("s", Pattern.bytes(1000))
            proxy.set { head, _ in
                head.method == "HEAD" && head.path.hasSuffix("/k")
                    ? .reply(500) : Self.isPut(head) ? .replace(200, fields, text) : .pass
            }
            let unknown = expectFailure(FP_E_TRANSIENT) {
                try fixture.store.copy("s", to: "k", flags: FP_COPY_MOVE)
            }
            #expect(unknown?.outcomeUnknown == true)
            #expect(try fixture.store.lookup("s") != nil)
        }

        @Test("A copied part without a result is copied again, and one that stays without fails the copy")
        func copiedPart() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(["multipart_copy_above": String(partSize)], url: proxy.url)
            let bytes = Pattern.bytes(3 * partSize + 5)
            try fixture.store.put("s", bytes)
            let seen = Counter()
            proxy.set { head, _ in
                guard head.path.hasSuffix("/k"), head.query.hasPrefix("partNumber=2&") else { return .pass }
                let faults: [Fault] = [
                    .reply(200), .reply(200, html, page), .reply(503, [:], errorBody("SlowDown")), .cutBefore,
                ]
                return faults.dropFirst(seen.next()).first ?? .pass
            }
            try fixture.store.copy("s", to: "k")
            expectSame(try fixture.store.get("k"), bytes)
            #expect(proxy.requests.filter { $0.contains("/k?partNumber=1&") }.count == 1)

            proxy.set { head, _ in head.query.hasPrefix("partNumber=3&") ? .reply(200, html, page) : .pass }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.copy("s", to: "n", flags: FP_COPY_MOVE) }
            #expect(try fixture.store.keys() == ["k", "s"])
            try waitUntil("the upload is dropped") { try fixture.store.all(pending: true).isEmpty }
        }

        @Test("An upload without an id is not begun, and a list that is none is not empty")
        func lists() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Pattern.bytes(10))
            try writer.sync()
            writer.close()
            for (fields, text) in Self.pages {
                proxy.set { head, _ in head.query == "uploads=" ? .reply(200, fields, text) : .pass }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.begin("n", flags: FP_W_RESUMABLE) }
                proxy.set { head, _ in head.method == "GET" ? .reply(200, fields, text) : .pass }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.page() }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.page(pending: true) }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.resume(writer.token) }
            }
            // A gateway that does not find its way does not mean the upload.
            proxy.set { head, _ in head.query.contains("uploadId=") ? .reply(404, html, page) : .pass }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.resume(writer.token) }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.discard(writer.token) }
            proxy.set { _, _ in .pass }
            #expect(try #require(try fixture.store.resume(writer.token).writer).offset == 10)
        }

        @Test("A list that says it goes on, and does not say where, is not at its end")
        func truncated() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            writer.close()
            for root in ["ListBucketResult", "ListMultipartUploadsResult", "ListPartsResult"] {
                proxy.set { head, _ in
                    head.method == "GET"
                        ? .reply(200, [:], "<\(root)><IsTruncated>true</IsTruncated></\(root)>") : .pass
                }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.page() }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.page(pending: true) }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.resume(writer.token) }
            }
            // An empty page in the middle has a token for the next.
            try fixture.store.put("a", [1])
            proxy.set { head, _ in
                head.query.contains("list-type=2") && !head.query.contains("continuation-token=")
                    ? .reply(
                        200, [:],
                        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
                    )
                    : head.query.contains("continuation-token=t")
                        ? .reply(
                            200, [:],
                            "<ListBucketResult><Contents><Key>\(fixture.location)/a</Key><Size>1</Size></Contents></ListBucketResult>"
                        )
                        : .pass
            }
            #expect(try fixture.store.keys() == ["a"])
        }

        @Test("A removal counts with a 204, or when the object is not there any more")
        func removal() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", [1])
            for fault in [Fault.reply(200), .reply(200, html, page), .reply(404, html, page)] {
                proxy.set { head, _ in head.method == "DELETE" ? fault : .pass }
                expectFailure(FP_E_TRANSIENT) { try fixture.store.remove("k") }
            }
            proxy.set { head, _ in head.method == "DELETE" ? .replace(200) : .pass }
            try fixture.store.remove("k")
            #expect(try fixture.store.lookup("k") == nil)

            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            for fault in [Fault.reply(200), .reply(200, html, page)] {
                proxy.set { head, _ in head.method == "DELETE" ? fault : .pass }
                expectFailure(FP_E_TRANSIENT) { try writer.abort() }
            }
            proxy.set { _, _ in .pass }
            try writer.abort()
            writer.close()
            #expect(try fixture.store.all(pending: true) == [])
        }

        @Test("A head without an ETag is no object's")
        func head() throws {
            let proxy = FaultProxy { head, _ in head.method == "HEAD" ? .reply(200, ["Content-Length": "7"]) : .pass }
            let fixture = try Fixture(url: proxy.url)
            expectFailure(FP_E_TRANSIENT) { try fixture.store.stat("k") }
        }

        @Test("A trial of conditions that was not answered by S3 decides nothing", arguments: 0..<6)
        func probe(step: Int) throws {
            let seen = Counter()
            let proxy = FaultProxy { head, _ in
                head.path.contains("/.fp/condition-") && head.method != "DELETE" && seen.next() == step
                    ? .reply(200, html, page) : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_IF_NOT_EXISTS, size: 1)
            try writer.write([1])
            // A put, one with the condition, and an upload of three requests.
            if step < 5 {
                let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
                #expect(failure?.outcomeUnknown == false)
            }
            try writer.commit()
            #expect(fixture.store.caps.flags & FP_CAP_ATOMIC_CREATE != 0)
            expectFailure(FP_E_EXISTS) { try fixture.store.put("k", [2], flags: FP_W_IF_NOT_EXISTS) }
        }
    }

    @Suite("doubtful downloads")
    struct DoubtfulDownloads {
        private let bytes = Pattern.bytes(3_000_000)

        @Test("A page in place of an object is no object")
        func page() throws {
            let proxy = FaultProxy { head, _ in
                head.method == "GET" ? .reply(200, html, S3StoreTests.pageText) : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", bytes)
            expectFailure(FP_E_TRANSIENT) { try fixture.store.open("k") }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.open("k", offset: 100) }
            let etag = try fixture.store.stat("k").etag
            proxy.set { head, _ in
                head.method == "GET" ? .reply(200, ["ETag": "\"\(etag)\""], S3StoreTests.pageText) : .pass
            }
            expectFailure(FP_E_UNSUPPORTED) { try fixture.store.open("k", offset: 10, length: 5) }
            proxy.set { head, _ in
                head.method == "GET"
                    ? .reply(206, ["ETag": "\"\(etag)\"", "Content-Range": "bytes 0-4/3000000"], "12345") : .pass
            }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.open("k", offset: 10, length: 5) }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.open("k", length: 6) }
        }

        @Test(
            "A read that is taken up again compares the tag, the size and the range of the reply itself",
            arguments: ["tag", "no tag", "size", "start", "end", "whole", "page"])
        func reopened(kind: String) throws {
            let direct = try Fixture()
            let etag = try direct.store.put("k", bytes).etag
            let total = bytes.count
            let proxy = FaultProxy { head, number in
                guard head.method == "GET" else { return .pass }
                guard let range = head.fields["range"], head.fields["if-match"] != nil,
                    let start = Int(range.dropFirst("bytes=".count).prefix { $0 != "-" })
                else { return .cutReply(after: 1_000_000) }
                let body = String(repeating: "x", count: total - start)
                func reply(_ tag: String?, _ start: Int, _ end: Int, _ size: Int) -> Fault {
                    var fields = ["Content-Range": "bytes \(start)-\(end)/\(size)"]
                    fields["ETag"] = tag.map { "\"\($0)\"" }
                    return .reply(206, fields, body)
                }
                return switch kind {
                case "tag": reply("other", start, total - 1, total)
                case "no tag": reply(nil, start, total - 1, total)
                case "size": reply(etag, start, total - 1, total + 1)
                case "start": reply(etag, start - 1, total - 1, total)
                case "end": reply(etag, start, total - 2, total)
                case "whole": .reply(200, ["ETag": "\"\(etag)\""], String(repeating: "x", count: total))
                default: .reply(200, html, body)
                }
            }
            let store = try direct.another(["endpoint_url": proxy.url])
            let reader = try store.open("k")
            var read: [UInt8] = []
            let status = ["tag", "size"].contains(kind) ? FP_E_PRECONDITION : FP_E_TRANSIENT
            expectFailure(status) {
                while true {
                    let more = try reader.read()
                    if more.isEmpty { return }
                    read += more
                }
            }
            #expect(read.count < total && read.elementsEqual(bytes.prefix(read.count)))
        }
    }

    fileprivate static let pageText = page
}
