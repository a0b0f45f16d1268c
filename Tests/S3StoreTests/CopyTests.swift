import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("copies")
    struct Copies {
        private static let ofMedia = [
            "object_parameters.CacheControl": "public, max-age=60",
            "object_parameters.ContentDisposition": "attachment",
            "object_parameters.ContentLanguage": "de", "object_parameters.Tagging": "kind=media",
            "object_parameters.StorageClass": "STANDARD",
        ]
        private static let ofStaging = [
            "object_parameters.CacheControl": "no-store", "object_parameters.ContentLanguage": "en",
            "object_parameters.Tagging": "kind=staging",
        ]

        @Test(
            "What is stored from another store has its own type and metadata, and the parameters of its new store",
            arguments: [false, true], [0, FP_COPY_MOVE])
        func attributes(inParts: Bool, flags: UInt32) throws {
            let seen = Collected<[String: String]>()
            let proxy = FaultProxy { head, _ in
                if head.fields["x-amz-copy-source"] != nil || head.query == "uploads=" { seen.add(head.fields) }
                return .pass
            }
            let staging = try Fixture(Self.ofStaging, url: proxy.url)
            let more = ["multipart_copy_above": String(inParts ? partSize : 5 << 30)]
            let media = try Fixture(Self.ofMedia.merging(more) { $1 }, url: proxy.url)
            let bytes = Pattern.bytes(inParts ? partSize + 5 : 1000)
            for (given, due) in [(nil, "text/x-first"), ("image/png", "image/png")] as [(String?, String)] {
                let writer = try staging.store.begin(
                    "s", contentType: "text/x-first", metadata: [(key: "owner", value: "me")])
                try writer.write(bytes)
                try writer.commit()
                writer.close()
                let before = seen.all.count
                try media.store.copy("s", to: "t", flags: flags, contentType: given, from: staging.store)
                expectSame(try media.store.get("t"), bytes)
                #expect(try media.store.stat("t").contentType == due)
                let fields = try fetch(try media.store.presign("t", life: 60)).head.fields
                #expect(fields["content-type"] == due)
                #expect(fields["cache-control"] == "public, max-age=60")
                #expect(fields["content-disposition"] == "attachment")
                #expect(fields["content-language"] == "de")
                #expect(fields["x-amz-meta-owner"] == "me")
                let request = try #require(seen.all.dropFirst(before).first)
                #expect(request["x-amz-tagging"] == "kind=media" && request["x-amz-storage-class"] == "STANDARD")
                if !inParts { #expect(request["x-amz-tagging-directive"] == "REPLACE") }
                #expect(fields["x-amz-meta-fp-sid"]?.isEmpty == false)
            }
        }

        @Test("What the old store gives its objects does not come along, and what an object has itself does")
        func leftBehind() throws {
            let staging = try Fixture(Self.ofStaging.merging(["object_parameters.ContentDisposition": "inline"]) { $1 })
            let media = try Fixture()
            try staging.store.put("s", [1])
            try media.store.copy("s", to: "t", from: staging.store)
            var fields = try fetch(try media.store.presign("t", life: 60)).head.fields
            #expect(fields["cache-control"] == nil && fields["content-language"] == nil)
            // Within one store, also of an object that was made with other settings than today's.
            let other = try staging.another(["object_parameters.CacheControl": "private"])
            try other.copy("s", to: "u")
            fields = try fetch(try other.presign("u", life: 60)).head.fields
            #expect(fields["cache-control"] == "private" && fields["content-disposition"] == "inline")
            #expect(fields["content-language"] == "en")
        }

        @Test(
            "A service that does not know its own tag again is copied from without it, if nothing has changed",
            arguments: [false, true])
        func unknownTag(inParts: Bool) throws {
            let direct = try Fixture()
            let bytes = Pattern.bytes(partSize + 5)
            try direct.store.put("s", bytes)
            let proxy = FaultProxy { head, _ in
                head.fields["x-amz-copy-source-if-match"] == nil
                    ? .pass : .reply(412, [:], errorBody("PreconditionFailed"))
            }
            let more = ["endpoint_url": proxy.url, "multipart_copy_above": String(inParts ? partSize : 5 << 30)]
            let store = try direct.another(more)
            try store.copy("s", to: "t", flags: FP_COPY_IF_NOT_EXISTS)
            expectSame(try store.get("t"), bytes)
            try waitUntil("the first upload is dropped") { try store.all(pending: true).isEmpty }

            // Replaced between the look and the copy.
            proxy.set { head, _ in
                guard head.fields["x-amz-copy-source-if-match"] != nil else { return .pass }
                _ = try? direct.store.put("s", Pattern.bytes(10))
                return .pass
            }
            expectFailure(FP_E_PRECONDITION) { try store.copy("s", to: "u", flags: FP_COPY_MOVE) }
            #expect(try direct.store.keys() == ["s", "t"])
            #expect(try direct.store.stat("s").size == 10)

            // And while it is copied without the tag: what was made is taken back.
            try direct.store.put("s", bytes)
            let copies = Counter()
            proxy.set { head, _ in
                guard head.fields["x-amz-copy-source"] != nil else { return .pass }
                guard head.fields["x-amz-copy-source-if-match"] == nil else {
                    return .reply(412, [:], errorBody("PreconditionFailed"))
                }
                if copies.next() == 0 { _ = try? direct.store.put("s", Pattern.bytes(partSize + 5, seed: 9)) }
                return .pass
            }
            expectFailure(FP_E_PRECONDITION) { try store.copy("s", to: "u", flags: FP_COPY_MOVE) }
            #expect(try direct.store.keys() == ["s", "t"])
        }

        @Test("A session whose object is there is complete, also where the service lists its parts still")
        func partsAfterCompletion() throws {
            let direct = try Fixture()
            let bytes = Pattern.bytes(partSize + 5)
            let writer = try direct.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(bytes)
            try writer.sync()
            try writer.commit()
            writer.close()
            let list = """
                <ListPartsResult><Part><PartNumber>1</PartNumber><Size>\(partSize)</Size><ETag>"1"</ETag></Part>\
                </ListPartsResult>
                """
            let proxy = FaultProxy { head, _ in
                head.query.contains("uploadId=") ? .reply(head.method == "GET" ? 200 : 204, [:], list) : .pass
            }
            let store = try direct.another(["endpoint_url": proxy.url])
            #expect(try store.resume(writer.token).writer == nil)
            // To drop such an upload may drop what the object is made of.
            try store.discard(writer.token)
            #expect(!proxy.requests.contains { $0.hasPrefix("DELETE") && $0.contains("uploadId=") })
            expectSame(try store.get("k"), bytes)
        }

        @Test("Of uploads below the plugin's own name, only a trial of its own that is a day old is dropped")
        func foreignUploads() throws {
            let direct = try Fixture()
            let names = [
                "other/nightly.tar", "condition-nightly", "condition-0123456789abcdef0123456789abcdef", "t/backup",
            ]
            let hidden = try direct.another(["location": direct.location + "/.fp"])
            for name in names { try hidden.begin(name, flags: FP_W_RESUMABLE).close() }
            let proxy = FaultProxy()
            let store = try direct.another(["endpoint_url": proxy.url])
            #expect(try store.all(pending: true) == [])
            #expect(!proxy.requests.contains { $0.hasPrefix("DELETE") })

            let entries = names.map {
                "<Upload><Key>\(direct.location)/.fp/\($0)</Key><UploadId>u</UploadId>"
                    + "<Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>"
            }
            let list = "<ListMultipartUploadsResult>\(entries.joined())</ListMultipartUploadsResult>"
            proxy.set { head, _ in
                head.query.contains("uploads=") && head.method == "GET"
                    ? .reply(200, [:], list) : head.method == "DELETE" ? .reply(204) : .pass
            }
            #expect(try store.all(pending: true) == [])
            let dropped = { proxy.requests.filter { $0.hasPrefix("DELETE") } }
            try waitUntil("the old trial is dropped") { !dropped().isEmpty }
            #expect(dropped().count == 1 && dropped()[0].contains("condition-0123456789abcdef0123456789abcdef"))
            // Marks, too: only what has the form of one.
            let objects = ["t/readme", "t/0123456789abcdef0123456789abcdef/notes", "t/a/b"].map {
                "<Contents><Key>\(direct.location)/.fp/\($0)</Key><Size>0</Size>"
                    + "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
            }
            proxy.set { head, _ in
                head.query.contains("list-type=2")
                    ? .reply(200, [:], "<ListBucketResult>\(objects.joined())</ListBucketResult>") : .pass
            }
            #expect(try store.all(pending: true) == [])
            #expect(dropped().count == 1)
        }
    }
}
