import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("presigned URLs")
    struct Presigned {
        @Test("A presigned URL works without a header, for what it was made for and no longer than it says")
        func presign() throws {
            let fixture = try Fixture()
            let bytes = Pattern.bytes(1000)
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
