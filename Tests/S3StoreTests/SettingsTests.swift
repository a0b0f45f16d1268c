import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("settings")
    struct Settings {
        @Test(
            "Rules between options are checked offline, with what would be right",
            arguments: [
                (["bucket_name": "a/b"], "bucket_name"), (["endpoint_url": "ftp://x"], "endpoint_url"),
                (["endpoint_url": "http://host:99999"], "endpoint_url"), (["access_key": "only"], "secret_key"),
                (["tls.insecure": "true", "endpoint_url": "https://s3.example.org"], "tls.ca_file"),
                (["custom_domain": "files.example.org"], "querystring_auth"),
                (["access_key": "a", "secret_key": "b", "session_profile": "c"], "session_profile"),
                (["object_parameters.CacheContrl": "no-store"], "CacheControl"),
            ])
        func refused(options: [String: String], hint: String) {
            let base = ["bucket_name": "bucket"]
            expectRefusal(of: base.merging(options) { $1 }, by: s3Store, hint)
        }

        @Test("A bucket is enough of a configuration, and nothing is asked of it before the first call")
        func minimal() throws {
            try TestStore.validate(s3Store, ["bucket_name": "bucket"])
            let store = try TestStore(s3Store, ["bucket_name": "bucket", "access_key": "a", "secret_key": "b"])
            let flags = FP_CAP_RESUMABLE | FP_CAP_REWIND | FP_CAP_DURABLE_TAIL | FP_CAP_PRESIGN | FP_CAP_SHARED
            #expect(store.caps.flags & flags == flags)
            // Whether conditions are kept is not known before the first contact.
            #expect(store.caps.flags & FP_CAP_ATOMIC_CREATE == 0)
            let url = try store.presign("a b/c", life: 100)
            #expect(url.hasPrefix("https://bucket.s3.us-east-1.amazonaws.com/a%20b/c?X-Amz-Algorithm="))
        }

        @Test(
            "URLs are made as the bucket is addressed",
            arguments: [
                (["region_name": "eu-west-1"], "https://bucket.s3.eu-west-1.amazonaws.com/k?"),
                (["region_name": "cn-north-1"], "https://bucket.s3.cn-north-1.amazonaws.com.cn/k?"),
                (["bucket_name": "has.dots"], "https://s3.us-east-1.amazonaws.com/has.dots/k?"),
                (["addressing_style": "path"], "https://s3.us-east-1.amazonaws.com/bucket/k?"),
                (["endpoint_url": "http://localhost:9000"], "http://localhost:9000/bucket/k?"),
                (["endpoint_url": "https://h/base/", "location": "/p/q/"], "https://h/base/bucket/p/q/k?"),
                (["endpoint_url": "https://h:443", "addressing_style": "virtual"], "https://bucket.h/k?"),
            ])
        func addressing(options: [String: String], start: String) throws {
            let base = ["bucket_name": "bucket", "access_key": "a", "secret_key": "b", "region_name": "us-east-1"]
            let store = try TestStore(s3Store, base.merging(options) { $1 })
            #expect(try store.presign("k", life: 60).hasPrefix(start))
        }

        @Test(
            "New objects get the parameters that are configured, with one request or with many",
            arguments: [
                10, partSize + 1,
            ])
        func parameters(size: Int) throws {
            let proxy = FaultProxy()
            let heads = Collected<HTTPHead>()
            proxy.set { head, _ in
                heads.add(head)
                return .pass
            }
            let fixture = try Fixture(
                [
                    "object_parameters.CacheControl": "max-age=60", "object_parameters.ContentLanguage": "de",
                    "object_parameters.RequestPayer": "requester", "default_acl": "private",
                ], url: proxy.url)
            try fixture.store.put("k", Pattern.bytes(size))
            let made = heads.all.first { $0.path.hasSuffix("/k") && ($0.query.isEmpty || $0.query == "uploads=") }
            #expect(made?.fields["x-amz-acl"] == "private")
            #expect(heads.all.allSatisfy { $0.fields["x-amz-request-payer"] == "requester" })
            let reply = try fetch(try fixture.store.presign("k", life: 60))
            #expect(reply.head.fields["cache-control"] == "max-age=60")
            #expect(reply.head.fields["content-language"] == "de")
        }

        @Test(
            "Every checksum goes with the bytes, and a part that changes on its way is not kept",
            arguments: [
                "crc32c", "crc64nvme", "sha256", "md5", "none",
            ])
        func checksums(name: String) throws {
            let fields = [
                "crc32c": "x-amz-checksum-crc32c", "crc64nvme": "x-amz-checksum-crc64nvme",
                "sha256": "x-amz-checksum-sha256", "md5": "content-md5",
            ]
            let heads = Collected<HTTPHead>()
            let proxy = FaultProxy { head, _ in
                heads.add(head)
                return .pass
            }
            let fixture = try Fixture(["checksum": name], url: proxy.url)
            let bytes = Pattern.bytes(2 * partSize + 10)
            try fixture.store.put("k", bytes)
            expectSame(try fixture.store.get("k"), bytes)
            let parts = heads.all.filter { $0.query.hasPrefix("partNumber=") }
            #expect(parts.count == 3)
            for (word, field) in fields { #expect(parts.allSatisfy { ($0.fields[field] != nil) == (word == name) }) }
            let session = try fixture.store.begin("s", flags: FP_W_RESUMABLE)
            try session.write(Array(bytes[..<(partSize + 10)]))
            try session.sync()
            session.close()
            let again = try #require(try fixture.another().resume(session.token).writer)
            try again.write(Array(bytes[(partSize + 10)...]))
            try again.commit()
            again.close()
            expectSame(try fixture.store.get("s"), bytes)
            guard name != "none" else { return }
            proxy.set { head, _ in head.method == "PUT" ? .flipRequest(at: 3) : .pass }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.put("f", Pattern.bytes(1000)) }
            #expect(try fixture.store.lookup("f") == nil)
        }

        @Test("A service that keeps no conditions is found out, and its keys are looked at before they are written")
        func withoutConditions() throws {
            let fixture = try Fixture(server: .rclone)
            try patiently { try fixture.store.put("k", [1], flags: FP_W_IF_NOT_EXISTS) }
            expectFailure(FP_E_EXISTS) { try fixture.store.put("k", [2], flags: FP_W_IF_NOT_EXISTS) }
            #expect(try fixture.store.get("k") == [1])
            #expect(fixture.store.caps.flags & FP_CAP_ATOMIC_CREATE == 0)
        }

        @Test("Uploads work on other services too", arguments: ["rclone", "moto"])
        func services(name: String) throws {
            let fixture = try Fixture(server: name == "rclone" ? .rclone : .moto)
            let bytes = Pattern.bytes(2 * partSize + 10)
            try patiently { try fixture.store.put("whole", bytes) }
            expectSame(try fixture.store.get("whole"), bytes)
            let session = try patiently { try fixture.store.begin("d/s", flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS) }
            try session.write(Array(bytes[..<(partSize + 10)]))
            try session.sync()
            session.close()
            #expect(try fixture.store.all(pending: true).map(\.key) == ["d/s"])
            let again = try #require(try fixture.another().resume(session.token).writer)
            #expect(again.offset == UInt64(partSize + 10))
            try again.write(Array(bytes[(partSize + 10)...]))
            try patiently { try again.commit() }
            again.close()
            expectSame(try fixture.store.open("d/s", offset: 100).rest(), Array(bytes[100...]))
            #expect(try fixture.store.resume(session.token).writer == nil)
            try patiently { try fixture.store.copy("d/s", to: "d/t", flags: FP_COPY_MOVE) }
            #expect(try fixture.store.keys() == ["d/t", "whole"])
            #expect(try fixture.store.health(deep: true).state == FP_HEALTH_OK)
        }
    }

    @Suite("TLS", .enabled(if: access("/usr/bin/openssl", X_OK) == 0, "openssl is not installed"))
    struct TLS {
        @Test("A certificate has to be of a known authority and for the host's name")
        func verified() throws {
            let server = try TLSServer()
            func store(_ host: String, _ more: [String: String]) throws -> TestStore {
                let base = [
                    "bucket_name": "tests", "access_key": "a", "secret_key": "b",
                    "endpoint_url": "https://\(host):\(server.port)",
                ]
                return try TestStore(s3Store, base.merging(more) { $1 })
            }
            let trusted = ["tls.ca_file": server.certificate]
            #expect(try store("127.0.0.2", trusted).open("k").rest() == Array("hello".utf8))
            #expect(try store("127.0.0.3", ["tls.insecure": "true"]).open("k").rest() == Array("hello".utf8))
            expectFailure(FP_E_AUTH) { try store("127.0.0.3", trusted).open("k") }
            expectFailure(FP_E_AUTH) { try store("127.0.0.2", [:]).open("k") }
        }
    }
}
