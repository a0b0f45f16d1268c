import FPPluginAPI
import PluginTestKit
import Testing

extension S3StoreTests {
    @Suite("objects")
    struct Objects {
        @Test(
            "An object comes back as it was stored, whatever its size",
            arguments: [0, 1, 100_000, partSize - 1, partSize, partSize + 1, 2 * partSize, 2 * partSize + 7])
        func roundTrip(size: Int) throws {
            let fixture = try Fixture()
            let bytes = payload(size)
            let stored = try fixture.store.put("a/k", bytes)
            #expect(stored.size == UInt64(size))
            let info = try fixture.store.stat("a/k")
            #expect(info.size == UInt64(size))
            #expect(info.etag == stored.etag && !info.etag.isEmpty)
            #expect(info.modified > 0)
            expectSame(try fixture.store.get("a/k"), bytes)
        }

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

        @Test("A range is exactly the bytes asked for")
        func ranges() throws {
            let fixture = try Fixture()
            let bytes = payload(100_000)
            try fixture.store.put("k", bytes)
            for (offset, length) in [(0, 1), (0, 100_000), (99_999, 1), (5, 0), (50_000, 100_000), (100_000, 0)] {
                let reader = try fixture.store.open("k", offset: UInt64(offset), length: UInt64(length))
                #expect(reader.info.size == 100_000)
                expectSame(try reader.rest(), Array(bytes[offset..<min(offset + length, 100_000)]))
            }
            expectSame(try fixture.store.open("k", offset: 99_000).rest(), Array(bytes[99_000...]))
            expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: 100_000) }
            expectFailure(FP_E_RANGE) { try fixture.store.open("k", offset: 100_001, length: 0) }
            try fixture.store.put("empty", [])
            #expect(try fixture.store.open("empty", offset: 0, length: 10).rest() == [])
            #expect(try fixture.store.open("empty").rest() == [])
            expectFailure(FP_E_RANGE) { try fixture.store.open("empty", offset: 1) }
        }

        @Test("What is not there is not found, and removing it succeeds")
        func absent() throws {
            let fixture = try Fixture()
            try fixture.store.put("a/b", [1])
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.stat("a") }
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.open("nothing") }
            expectFailure(FP_E_NOT_FOUND) { try fixture.store.copy("nothing", to: "x") }
            try fixture.store.remove("nothing")
            try fixture.store.remove("a/b")
            try fixture.store.remove("a/b")
            #expect(try fixture.store.lookup("a/b") == nil)
        }

        @Test("A reader that names a version gets that one or none")
        func ifMatch() throws {
            let fixture = try Fixture()
            let first = try fixture.store.put("k", payload(1000))
            #expect(try fixture.store.open("k", ifMatch: first.etag).rest() == payload(1000))
            try fixture.store.put("k", payload(1000, seed: 2))
            expectFailure(FP_E_PRECONDITION) { try fixture.store.open("k", ifMatch: first.etag) }
            expectFailure(FP_E_PRECONDITION) { try fixture.store.open("k", length: 0, ifMatch: first.etag) }
            expectFailure(FP_E_PRECONDITION) { try fixture.store.copy("k", to: "l", ifMatch: first.etag) }
        }

        @Test(
            "A key that must be free is not written twice, with one request or with many",
            arguments: [10, partSize + 1])
        func create(size: Int) throws {
            let fixture = try Fixture()
            try fixture.store.put("k", payload(size), flags: FP_W_IF_NOT_EXISTS)
            expectFailure(FP_E_EXISTS) {
                try fixture.store.put("k", payload(size, seed: 2), flags: FP_W_IF_NOT_EXISTS)
            }
            expectSame(try fixture.store.get("k"), payload(size))
            #expect(fixture.store.caps.flags & FP_CAP_ATOMIC_CREATE != 0)
        }

        // Of small objects: SeaweedFS looks at the condition of a CompleteMultipartUpload, and then acts without a lock.
        @Test("Of many writers that want a free key exactly one wins")
        func race() throws {
            let fixture = try Fixture()
            let winners = Collected<Int>()
            onThreads(8) { index in
                let result = Result {
                    try fixture.store.put("k", payload(1000, seed: UInt64(index + 1)), flags: FP_W_IF_NOT_EXISTS)
                }
                if case .success = result { winners.add(index) }
            }
            #expect(winners.all.count == 1)
            expectSame(try fixture.store.get("k"), payload(1000, seed: UInt64((winners.all.first ?? 0) + 1)))
        }

        @Test("`file_overwrite: false` protects every key")
        func noOverwrite() throws {
            let fixture = try Fixture(["file_overwrite": "false"])
            try fixture.store.put("k", [1])
            expectFailure(FP_E_EXISTS) { try fixture.store.put("k", [2]) }
            try fixture.store.put("l", [3])
            expectFailure(FP_E_EXISTS) { try fixture.store.copy("l", to: "k") }
            #expect(try fixture.store.get("k") == [1])
        }

        @Test("A write that is not committed leaves nothing", arguments: [10, 2 * partSize + 1])
        func uncommitted(size: Int) throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k")
            try writer.write(payload(size))
            writer.close()
            #expect(try fixture.store.lookup("k") == nil)
            try waitUntil("the upload is dropped") { try fixture.store.all(pending: true).isEmpty }
        }

        @Test("A commit of another size publishes nothing")
        func wrongSize() throws {
            let fixture = try Fixture()
            let writer = try fixture.store.begin("k")
            try writer.write(payload(100))
            expectFailure(FP_E_INVALID) { try writer.commit(size: 99) }
            #expect(try fixture.store.lookup("k") == nil)
        }

        @Test("Copies and moves stay within the service, and between buckets of it")
        func copies() throws {
            let fixture = try Fixture()
            let bytes = payload(partSize + 5)
            try fixture.store.put("k", bytes)
            let copied = try fixture.store.copy("k", to: "l")
            #expect(copied.flags & FP_COPYR_STREAMED == 0)
            expectSame(try fixture.store.get("l"), bytes)
            try fixture.store.copy("l", to: "m", flags: FP_COPY_MOVE)
            #expect(try fixture.store.keys() == ["k", "m"])
            expectFailure(FP_E_EXISTS) { try fixture.store.copy("k", to: "m", flags: FP_COPY_IF_NOT_EXISTS) }
            expectFailure(FP_E_UNSUPPORTED) {
                try fixture.store.copy("k", to: "n", flags: FP_COPY_MOVE | FP_COPY_REQUIRE_ATOMIC)
            }
            #expect(try fixture.store.copy("k", to: "k").info.size == UInt64(bytes.count))
            let other = try Fixture(["bucket_name": "tests-other"])
            try other.store.put("k", [1])
            try other.store.copy("m", to: "taken/over", flags: FP_COPY_MOVE, from: fixture.store)
            expectSame(try other.store.get("taken/over"), bytes)
            #expect(try fixture.store.keys() == ["k"])
        }

        @Test("A copy to a free key never takes one that appears meanwhile", arguments: [false, true])
        func copyRace(inParts: Bool) throws {
            let direct = try Fixture()
            try direct.store.put("k", payload(partSize + 5))
            let proxy = FaultProxy { head, _ in
                // Just before the object would appear.
                let isLast = inParts ? head.method == "POST" : head.method == "PUT"
                if isLast, head.path.hasSuffix("/l"), head.query != "uploads=" {
                    _ = try? direct.store.put("l", [1, 2, 3])
                }
                return .pass
            }
            let more = ["endpoint_url": proxy.url, "multipart_copy_above": String(inParts ? partSize : 5 << 30)]
            let store = try TestStore(s3Store, direct.options.merging(more) { $1 })
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
            let bytes = payload(3 * partSize + 5)
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

        @Test("A health check says what the bucket can do, and leaves nothing behind")
        func health() throws {
            let fixture = try Fixture()
            #expect(try fixture.store.health().state == FP_HEALTH_OK)
            #expect(try fixture.store.health(deep: true).state == FP_HEALTH_OK)
            #expect(fixture.store.caps.flags & FP_CAP_ATOMIC_CREATE != 0)
            try waitUntil("the probes are gone") { try fixture.hiddenKeys().isEmpty }
        }
    }
}
