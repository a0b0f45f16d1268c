import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("objects")
    struct Objects {
        @Test(
            "Keys with blanks, signs and letters of every kind are signed as they are sent",
            arguments: [
                "a b", "a+b", "100%", "%41", "ü/ñ/日本語", "a&b=c?d#e", "quote'\"<>", "~-._!$(),;:@[]{}|^`", "a/b/c/d",
                "emoji 😀", "x*y",
            ])
        func names(key: String) throws {
            let fixture = try Fixture()
            try fixture.store.put(key, Array(key.utf8))
            #expect(try fixture.store.get(key) == Array(key.utf8))
            #expect(try fixture.store.keys() == [key])
            let copied = try fixture.store.copy(key, to: "copy of it")
            #expect(copied.info.size == UInt64(key.utf8.count))
            try fixture.store.remove(key)
            #expect(try fixture.store.keys() == ["copy of it"])
        }

        @Test("Copies and moves stay within the service, also between buckets of it")
        func copies() throws {
            let fixture = try Fixture()
            let bytes = Pattern.bytes(partSize + 5)
            try fixture.store.put("k", bytes)
            #expect(try fixture.store.copy("k", to: "m").flags & FP_COPYR_STREAMED == 0)
            expectFailure(FP_E_UNSUPPORTED) {
                try fixture.store.copy("k", to: "n", flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC)
            }
            let other = try Fixture(["bucket_name": "tests-other"])
            try other.store.put("k", [1])
            try other.store.copy("m", to: "taken/over", flags: FP_COPY_MOVE, from: fixture.store)
            expectSame(try other.store.get("taken/over"), bytes)
            #expect(try fixture.store.keys() == ["k"])
        }

        @Test("A copy to a free key never takes one that appears meanwhile", arguments: [false, true])
        func copyRace(inParts: Bool) throws {
            let direct = try Fixture()
            try direct.store.put("k", Pattern.bytes(partSize + 5))
            let proxy = FaultProxy { head, _ in
                // Just before the object would appear.
                let isLast = inParts ? head.method == "POST" : head.method == "PUT"
                if isLast, head.path.hasSuffix("/l"), head.query != "uploads=" {
                    _ = try? direct.store.put("l", [1, 2, 3])
                }
                return .pass
            }
            let more = ["endpoint_url": proxy.url, "multipart_copy_above": String(inParts ? partSize : 5 << 30)]
            let store = try direct.another(more)
            expectFailure(FP_E_EXISTS) { try store.copy("k", to: "l", flags: FP_COPY_IF_NOT_EXISTS | FP_COPY_MOVE) }
            #expect(try direct.store.get("l") == [1, 2, 3])
            #expect(try direct.store.stat("k").size == UInt64(partSize + 5))
            try waitUntil("nothing is left") { try direct.store.all(pending: true).isEmpty }
        }

        @Test("A copy whose request arrives twice is recognised, and one without conditions is made without")
        func copyConditions() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", [1, 2, 3])
            proxy.set { head, _ in head.fields["if-none-match"] == nil ? .pass : .duplicate }
            try fixture.store.copy("k", to: "l", flags: FP_COPY_IF_NOT_EXISTS)
            #expect(try fixture.store.get("l") == [1, 2, 3])
            proxy.set { head, _ in
                head.fields["if-none-match"] == nil ? .pass : .reply(501, [:], errorBody("NotImplemented"))
            }
            try fixture.store.copy("k", to: "m", flags: FP_COPY_IF_NOT_EXISTS)
            #expect(try fixture.store.get("m") == [1, 2, 3])
        }

        @Test("A large object is copied in parts, side by side, and nothing is left of a copy that fails")
        func copyInParts() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(["multipart_copy_above": String(partSize)], url: proxy.url)
            let bytes = Pattern.bytes(3 * partSize + 5)
            try fixture.store.put("k", bytes)
            let copied = try fixture.store.copy("k", to: "l m")
            #expect(copied.info.size == UInt64(bytes.count))
            expectSame(try fixture.store.get("l m"), bytes)
            let ranges = proxy.requests.filter { $0.hasPrefix("PUT") && $0.contains("l%20m?partNumber=") }
            #expect(ranges.count == 4)
            proxy.set { head, _ in head.query.hasPrefix("partNumber=3&") ? .reply(500) : .pass }
            expectFailure(FP_E_TRANSIENT) { try fixture.store.copy("k", to: "n") }
            #expect(try fixture.store.lookup("n") == nil)
            try waitUntil("the upload is dropped") { try fixture.store.all(pending: true).isEmpty }
        }

        @Test("A bucket that takes no writes, or no more, says so as a value", arguments: [true, false])
        func unwritable(isFull: Bool) throws {
            let proxy = FaultProxy { head, _ in
                guard head.method == "PUT", head.path.contains("/tests/") else { return .pass }
                return isFull
                    ? .reply(403, [:], errorBody("QuotaExceeded")) : .reply(403, [:], errorBody("AccessDenied"))
            }
            let fixture = try Fixture(url: proxy.url)
            let health = try fixture.store.health(deep: true)
            #expect(health.state == FP_HEALTH_DEGRADED)
            #expect(health.limits == (isFull ? FP_HEALTH_NO_SPACE : FP_HEALTH_CANNOT_WRITE))
            expectFailure(isFull ? FP_E_NO_SPACE : FP_E_DENIED) { try fixture.store.put("k", [1]) }
        }
    }
}
