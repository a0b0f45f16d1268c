import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("repeats")
    struct Repeats {
        private let bytes = Pattern.bytes(3 * partSize + 1000)

        @Test(
            "A part that fails in passing is sent again, and only that part",
            arguments: [
                Fault.reply(500, [:], errorBody("InternalError")),
                .reply(503, ["Retry-After": "1"], errorBody("SlowDown")), .cutRequest(after: 1 << 20), .loseReply,
                .flipRequest(at: 12345), .cutBefore,
            ])
        func part(fault: Fault) throws {
            let seen = Counter()
            let proxy = FaultProxy { head, _ in
                head.query.hasPrefix("partNumber=2&") && seen.next() < 2 ? fault : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", size: UInt64(bytes.count))
            for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
                try writer.write(Array(bytes[start..<min(start + 1 << 20, bytes.count)]))
            }
            try writer.commit()
            expectSame(try fixture.store.get("k"), bytes)
            for number in [1, 3, 4] {
                #expect(proxy.requests.filter { $0.contains("?partNumber=\(number)&") }.count == 1)
            }
        }

        @Test("A mark that fails in passing is left again")
        func mark() throws {
            let seen = Counter()
            let proxy = FaultProxy { head, _ in
                guard head.method == "PUT", head.path.contains("/.fp/t/") else { return .pass }
                let faults: [Fault] = [.reply(503, [:], errorBody("SlowDown")), .loseReply, .reply(200)]
                return faults.dropFirst(seen.next()).first
                    ?? .pass
            }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Array(bytes[..<1000]))
            #expect(try writer.sync() == 1000)
            writer.close()
            #expect(try fixture.hiddenKeys().count == 1)
            let resumed = try fixture.store.resume(writer.token)
            let again = try #require(resumed.writer)
            try again.write(Array(bytes[1000...]))
            try again.commit()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("What goes on failing ends the call, after some tries and inside its deadline")
        func bounded() throws {
            let proxy = FaultProxy { head, _ in head.query.hasPrefix("partNumber=1&") ? .reply(500) : .pass }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Array(bytes[..<partSize]))
            expectFailure(FP_E_TRANSIENT) { try writer.sync() }
            #expect(proxy.requests.filter { $0.contains("?partNumber=1&") }.count == 5)
            writer.close()
            // Nobody waits for an hour.
            proxy.set { head, _ in
                head.query.hasPrefix("partNumber=1&")
                    ? .reply(503, ["Retry-After": "3600"], errorBody("SlowDown")) : .pass
            }
            var limited = CallOptions()
            limited.deadline = monotonic() + 20_000_000_000
            let failure = CallOptions.$ambient.withValue(limited) {
                expectFailure(FP_E_THROTTLED) {
                    let again = try #require(try fixture.store.resume(writer.token).writer)
                    defer { again.close() }
                    try again.write(Array(bytes[..<partSize]))
                    try again.sync()
                }
            }
            #expect(failure?.retryAfterMilliseconds == 3_600_000)
            #expect(proxy.requests.filter { $0.contains("?partNumber=1&") }.count == 6)
            proxy.set { _, _ in .pass }
            let last = try #require(try fixture.store.resume(writer.token).writer)
            try last.write(bytes)
            try last.commit()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test(
            "A commit that failed in passing can be called again, with one part and with many",
            arguments: [1000, partSize + 1],
            [
                Fault.reply(503, ["Retry-After": "2"], errorBody("SlowDown")), .reply(500), .cutBefore,
                .reply(500, ["Retry-After": "2"], errorBody("InternalError")),
            ])
        func commit(size: Int, fault: Fault) throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("warm", [1], flags: FP_W_IF_NOT_EXISTS)
            proxy.set { head, _ in
                guard head.path.hasSuffix("/k") else { return .pass }
                let isCommit =
                    head.method == "PUT" && head.query.isEmpty
                    || head.method == "POST" && head.query.hasPrefix("uploadId=")
                return isCommit ? fault : .pass
            }
            let writer = try fixture.store.begin("k", flags: FP_W_IF_NOT_EXISTS)
            try writer.write(Array(bytes[..<size]))
            for _ in 0..<2 {
                let failure = expectFailure(FP_E_TRANSIENT, FP_E_THROTTLED) { try writer.commit() }
                #expect(failure?.outcomeUnknown == false)
                if case .reply(_, let fields, _) = fault, !fields.isEmpty {
                    #expect(failure?.retryAfterMilliseconds == 2000)
                }
            }
            proxy.set { _, _ in .pass }
            try writer.commit()
            writer.close()
            expectSame(try fixture.store.get("k"), Array(bytes[..<size]))
            #expect(try fixture.store.all(pending: true) == [])
        }

        @Test("A small file is one request, whether its size is known or not", arguments: [true, false])
        func requests(isKnown: Bool) throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("warm", [1], flags: FP_W_IF_NOT_EXISTS)
            let before = proxy.requests.count
            let writer = try fixture.store.begin(
                "k", flags: FP_W_IF_NOT_EXISTS, size: isKnown ? UInt64(partSize) : FP_SIZE_UNKNOWN)
            for start in stride(from: 0, to: partSize, by: 1 << 20) {
                try writer.write(Array(bytes[start..<start + 1 << 20]))
            }
            try writer.commit()
            writer.close()
            #expect(proxy.requests.dropFirst(before).map { $0.prefix(4) } == ["PUT "])
            // Where conditions are not kept, there is a look before it.
            let without = try TestStore(
                s3Store, fixture.options.merging(["conditional_writes": "never"]) { $1 })
            let middle = proxy.requests.count
            try without.put("l", [1], flags: FP_W_IF_NOT_EXISTS)
            #expect(proxy.requests.dropFirst(middle).map { $0.prefix(4) } == ["HEAD", "PUT "])
        }
    }
}
