import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("faults of requests")
    struct Faults {
        @Test("Rejected keys are the configuration's fault, not the client's")
        func keys() throws {
            let wrong = try Fixture(["secret_key": "another-secret"])
            expectFailure(FP_E_AUTH) { try wrong.store.put("k", [1]) }
            expectFailure(FP_E_AUTH) { try wrong.store.stat("k") }
            expectFailure(FP_E_AUTH) { try wrong.store.open("k") }
            #expect(try wrong.store.health().state == FP_HEALTH_DOWN)
            let unknown = try Fixture(["access_key": "nobody"])
            let failure = expectFailure(FP_E_AUTH) { try unknown.store.put("k", [1]) }
            #expect(failure?.message.contains("InvalidAccessKeyId") == true && failure?.nativeCode == 403)
        }

        @Test("A bucket that is missing is told from a key that is")
        func bucket() throws {
            let fixture = try Fixture(["bucket_name": "no-such-bucket", "auto_create_bucket": "false"])
            let failure = expectFailure(FP_E_CONFIG) { try fixture.store.open("k") }
            #expect(failure?.message.contains("auto_create_bucket") == true)
            let health = try fixture.store.health()
            #expect(health.state == FP_HEALTH_DOWN && health.detail.contains("NoSuchBucket"))
        }

        @Test("A service that cannot be reached is worth another try, and a store can be created without it")
        func unreachable() throws {
            let closed = try Fixture(url: "http://127.0.0.1:1")
            expectFailure(FP_E_TRANSIENT) { try closed.store.health() }
            expectFailure(FP_E_TRANSIENT) { try closed.store.put("k", [1]) }
            expectFailure(FP_E_TRANSIENT) { try closed.store.begin("k", flags: FP_W_RESUMABLE) }
            let nameless = try Fixture(url: "http://nowhere.invalid:9000")
            let failure = expectFailure(FP_E_TRANSIENT) { try nameless.store.stat("k") }
            #expect(failure?.message.contains("nowhere.invalid") == true)
        }

        @Test("What S3 says of a failure reaches the host: kind, advice, code and request id")
        func mapping() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let cases: [(Fault, fp_status)] = [
                (.reply(503, ["Retry-After": "7", "x-amz-request-id": "R1"], errorBody("SlowDown")), FP_E_THROTTLED),
                (.reply(503), FP_E_THROTTLED), (.reply(429), FP_E_THROTTLED), (.reply(500), FP_E_TRANSIENT),
                (.reply(500, [:], errorBody("InternalError")), FP_E_TRANSIENT),
                (.reply(502, [:], "<html>no S3 at all"), FP_E_TRANSIENT),
                (.reply(403, [:], errorBody("AllAccessDisabled")), FP_E_DENIED),
                (.reply(507, [:], errorBody("QuotaExceeded")), FP_E_NO_SPACE),
                (.reply(400, [:], errorBody("EntityTooLarge")), FP_E_TOO_LARGE),
                (.reply(501, [:], errorBody("NotImplemented")), FP_E_UNSUPPORTED),
                (.reply(400, [:], errorBody("RequestTimeout")), FP_E_TRANSIENT), (.cutReply(after: 0), FP_E_TRANSIENT),
            ]
            for (fault, status) in cases {
                proxy.set { _, _ in fault }
                let failure = expectFailure(status) { try fixture.store.page() }
                if case .reply(503, let fields, _) = fault, !fields.isEmpty {
                    #expect(failure?.retryAfterMilliseconds == 7000 && failure?.requestID == "R1")
                    #expect(failure?.nativeCode == 503 && failure?.message.contains("SlowDown") == true)
                }
            }
        }

        @Test("What is in the way of one key is that key's matter, and not the service's")
        func oneKey() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let cases: [(Fault, fp_status)] = [
                (.reply(409, [:], errorBody("XMinioParentIsObject")), FP_E_DENIED),
                (.reply(400, [:], errorBody("InvalidURI")), FP_E_INVALID), (.reply(400), FP_E_INVALID),
                (.reply(403, [:], errorBody("AccessDenied")), FP_E_DENIED),
                (.reply(403, ["Content-Type": "text/html"], "<html>the firewall says no</html>"), FP_E_DENIED),
                (.reply(414), FP_E_INVALID), (.reply(409, [:], errorBody("OperationAborted")), FP_E_TRANSIENT),
            ]
            for (fault, status) in cases {
                proxy.set { head, _ in head.method == "PUT" ? fault : .pass }
                expectFailure(status) { try fixture.store.put("k", [1]) }
            }
        }

        @Test("A service that sends requests elsewhere is named, with what to set")
        func redirected() throws {
            let proxy = FaultProxy { _, _ in
                .reply(307, ["Location": "https://s3.elsewhere.example:444/tests/secret-path?X-Amz-Signature=secret"])
            }
            let fixture = try Fixture(url: proxy.url)
            let failure = expectFailure(FP_E_CONFIG) { try fixture.store.put("k", [1]) }
            #expect(failure?.message.contains("https://s3.elsewhere.example:444,") == true)
            #expect(failure?.message.contains("`endpoint_url`") == true)
            #expect(failure?.message.contains("secret") == false)
            proxy.set { _, _ in
                .reply(301, [:], errorBody("PermanentRedirect", "<Endpoint>tests.s3.example</Endpoint>"))
            }
            let other = expectFailure(FP_E_CONFIG) { try fixture.store.put("k", [1]) }
            #expect(other?.message.contains("tests.s3.example") == true)
            #expect(try fixture.store.health().state == FP_HEALTH_DOWN)
        }

        @Test("An endpoint with a path works behind a proxy that takes the path away, and with one that passes it on")
        func basePath() throws {
            let proxy = FaultProxy(takingAway: "/base")
            let fixture = try Fixture(url: proxy.url + "/base")
            try fixture.store.put("k", [1, 2])
            #expect(try fixture.store.get("k") == [1, 2])
            #expect(proxy.requests.allSatisfy { $0.contains(" /base/tests/") })
            // The first one was signed with the path, and the others are not.
            let count = proxy.requests.count
            _ = try fixture.store.stat("k")
            #expect(proxy.requests.count == count + 1)
            let url = try fixture.store.presign("k", life: 60)
            let fetched = try fetch(url)
            #expect(url.hasPrefix(proxy.url + "/base/") && fetched.body == [1, 2])
            try fixture.store.copy("k", to: "l")
            #expect(try fixture.store.get("l") == [1, 2])
            let wrong = try Fixture(["secret_key": "another-secret"], url: proxy.url + "/base")
            let failure = expectFailure(FP_E_AUTH) { try wrong.store.put("k", [1]) }
            #expect(failure?.message.contains("`endpoint_url` has a path") == true)
        }

        @Test("A connection that was kept and has died meanwhile costs one transparent retry")
        func stale() throws {
            let proxy = FaultProxy { _, number in number == 1 ? .cutBefore : .pass }
            let fixture = try Fixture(url: proxy.url)
            _ = try fixture.store.page()
            _ = try fixture.store.page()
            #expect(proxy.requests.count == 3)
        }

        @Test("A bucket that says it is in another region is followed there, once")
        func region() throws {
            let proxy = FaultProxy { head, _ in
                head.fields["authorization"]?.contains("/eu-west-9/") == true
                    ? .pass
                    : .reply(
                        400, [:], errorBody("AuthorizationHeaderMalformed", "<Region>eu-west-9</Region>"))
            }
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", [1, 2])
            #expect(try fixture.store.get("k") == [1, 2])
            #expect(proxy.requests.count == 3)
            proxy.set { _, _ in .reply(400, [:], errorBody("AuthorizationHeaderMalformed", "<Region>mars</Region>")) }
            expectFailure(FP_E_CONFIG) { try fixture.store.get("k") }
        }

        @Test("A clock that is an hour off is corrected from the server's own, once")
        func clock() throws {
            let offset = 3600
            let proxy = FaultProxy { head, _ in
                let now = clockTexts(offset)
                let stamp = head.fields["x-amz-date"] ?? ""
                return stamp.prefix(11) == now.basic.prefix(11)
                    ? .reply(head.method == "DELETE" ? 204 : 200)
                    : .reply(403, ["Date": now.http], head.method == "HEAD" ? "" : errorBody("RequestTimeTooSkewed"))
            }
            let fixture = try Fixture(url: proxy.url)
            #expect(try fixture.store.health().state == FP_HEALTH_OK)
            #expect(proxy.requests.count == 2)
            try fixture.store.remove("k")
            #expect(proxy.requests.count == 3)
            proxy.set { _, _ in .reply(403, ["Date": clockTexts(-7200).http], errorBody("RequestTimeTooSkewed")) }
            expectFailure(FP_E_AUTH) { try fixture.store.remove("k") }
        }

        @Test("Without the permission to list, a key that S3 calls forbidden counts as absent")
        func forbiddenHead() throws {
            let proxy = FaultProxy { head, _ in
                .reply(403, [:], head.method == "HEAD" ? "" : errorBody("AccessDenied"))
            }
            let fixture = try Fixture(url: proxy.url)
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.stat("k") }
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.open("k") }
            expectFailure(FP_E_DENIED) { try fixture.store.put("k", [1]) }
            #expect(try fixture.store.health().state == FP_HEALTH_DEGRADED)
            proxy.set { head, _ in
                head.query.contains("list-type")
                    ? .pass : .reply(403, [:], head.method == "HEAD" ? "" : errorBody("AccessDenied"))
            }
            expectFailure(FP_E_DENIED) { try fixture.store.stat("k") }
        }

        @Test("Every call against a service that stands still ends with its deadline, and when it is cancelled")
        func stalled() throws {
            let direct = try Fixture()
            try direct.store.put("k", Pattern.bytes(3 << 20))
            let session = try direct.store.begin("s", flags: FP_W_RESUMABLE)
            session.close()
            let proxy = FaultProxy { _, _ in .stall }
            let store = try direct.another(["endpoint_url": proxy.url])
            let calls: [(String, () throws -> Void)] = [
                ("health", { _ = try store.health() }), ("stat", { _ = try store.stat("k") }),
                ("open", { _ = try store.open("k") }), ("put", { try store.put("k", [1]) }),
                ("begin", { _ = try store.begin("n", flags: FP_W_RESUMABLE) }),
                ("resume", { _ = try store.resume(session.token) }), ("discard", { try store.discard(session.token) }),
                ("remove", { try store.remove("k") }), ("copy", { try store.copy("k", to: "l") }),
                ("list", { _ = try store.page() }), ("pending", { _ = try store.page(pending: true) }),
                (
                    "part",
                    {
                        let writer = try store.begin("p")
                        defer { writer.close() }
                        try writer.write(Pattern.bytes(partSize + 1))
                    }
                ),
            ]
            for (name, call) in calls {
                var limited = CallOptions()
                limited.deadline = monotonic() + 200_000_000
                let start = monotonic()
                CallOptions.$ambient.withValue(limited) { _ = expectFailure(FP_E_TIMEOUT) { try call() } }
                #expect(monotonic() - start < 15_000_000_000, "\(name) outlives its deadline")
                var cancelled = CallOptions()
                let cancellation = Cancellation()
                cancelled.cancellation = cancellation
                onThreads(2) { index in
                    if index == 1 { cancellation.cancel() }
                }
                CallOptions.$ambient.withValue(cancelled) { _ = expectFailure(FP_E_CANCELLED) { try call() } }
            }
            proxy.set { _, _ in .stallReply(after: 1 << 20) }
            let reader = try store.open("k")
            var limited = CallOptions()
            limited.deadline = monotonic() + 300_000_000
            CallOptions.$ambient.withValue(limited) { _ = expectFailure(FP_E_TIMEOUT) { try reader.rest() } }
        }
    }
}
