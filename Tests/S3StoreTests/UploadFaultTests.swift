import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("faults of uploads")
    struct UploadFaults {
        private let bytes = Pattern.bytes(3 * partSize + 1000)

        /// Begins a session of `bytes` and writes them, synced after the first part and a half.
        private func begun(_ store: TestStore) throws -> TestWriter {
            let writer = try store.begin("k", flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS, size: UInt64(bytes.count))
            try writer.write(Array(bytes[..<(partSize * 3 / 2)]))
            try writer.sync()
            return writer
        }

        /// Goes on with a session to its end, as the host does.
        private func finish(_ store: TestStore, _ token: [UInt8]) throws {
            guard let writer = try store.resume(token).writer else { return }
            defer { writer.close() }
            try writer.write(Array(bytes[Int(writer.offset)...]))
            try writer.commit()
        }

        @Test(
            "tusd defect 1: a part that fails while later ones succeed leaves no hole",
            arguments: [
                Fault.reply(500), .reply(503, [:], errorBody("SlowDown")), .cutRequest(after: 1 << 20), .loseReply,
                .flipRequest(at: 12345),
            ])
        func part(fault: Fault) throws {
            let proxy = FaultProxy { head, _ in head.query.hasPrefix("partNumber=2&") ? fault : .pass }
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            expectFailure(FP_E_TRANSIENT, FP_E_THROTTLED) {
                try writer.write(Array(bytes[(partSize * 3 / 2)...]))
                try writer.commit()
            }
            writer.close()
            #expect(try fixture.store.lookup("k") == nil)
            proxy.set { _, _ in .pass }
            let again = try #require(try fixture.store.resume(writer.token).writer)
            #expect(again.offset == UInt64(partSize * 3 / 2))
            again.close()
            try finish(fixture.store, writer.token)
            expectSame(try fixture.store.get("k"), bytes)
            #expect(try fixture.store.all(pending: true) == [])
        }

        @Test("A commit that failed on a part can be tried again on the same writer")
        func commitAgain() throws {
            let proxy = FaultProxy { head, number in head.query.hasPrefix("partNumber=1&") ? .reply(500) : .pass }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k")
            try writer.write(Array(bytes[..<(partSize + 1)]))
            expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            proxy.set { _, _ in .pass }
            try writer.commit()
            expectSame(try fixture.store.get("k"), Array(bytes[..<(partSize + 1)]))
        }

        @Test(
            "A completion whose reply is lost, or says it failed, is recognised by the object itself",
            arguments: [
                Fault.loseReply, .duplicate, .replace(200, [:], errorBody("InternalError")), .replace(500),
                .replace(404, [:], errorBody("NoSuchUpload")), .replace(503, [:], errorBody("SlowDown")),
            ])
        func completed(fault: Fault) throws {
            let proxy = FaultProxy { head, _ in isCompletion(head) ? fault : .pass }
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            try writer.write(Array(bytes[(partSize * 3 / 2)...]))
            do {
                try writer.commit()
            } catch let error as Failure {
                // What S3 turns away it has not done, so that nobody looks.
                #expect(error.status == FP_E_THROTTLED)
                writer.close()
                #expect(try fixture.store.resume(writer.token).writer == nil)
            }
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test(
            "tusd defect 2: a completion that failed leaves the session open",
            arguments: [
                Fault.reply(500), .reply(200, [:], errorBody("InternalError")), .reply(200, [:], "<half"),
                .reply(409, [:], errorBody("ConditionalRequestConflict")), .cutRequest(after: 10),
            ])
        func notCompleted(fault: Fault) throws {
            let proxy = FaultProxy { head, _ in isCompletion(head) ? fault : .pass }
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            try writer.write(Array(bytes[(partSize * 3 / 2)...]))
            let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            // It looked, and both the object's absence and the upload's presence say that nothing has happened.
            #expect(failure?.outcomeUnknown == false)
            expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            writer.close()
            #expect(try fixture.store.lookup("k") == nil)
            expectFailure(FP_E_TRANSIENT, FP_E_THROTTLED) { try finish(fixture.store, writer.token) }
            proxy.set { _, _ in .pass }
            try finish(fixture.store, writer.token)
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("When nothing can be asked after a lost reply, the outcome is unknown until the session is taken up")
        func unknown() throws {
            let proxy = FaultProxy { head, _ in
                isCompletion(head) ? .loseReply : head.method == "HEAD" ? .reply(500) : .pass
            }
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            try writer.write(Array(bytes[(partSize * 3 / 2)...]))
            let failure = expectFailure(FP_E_TRANSIENT) { try writer.commit() }
            #expect(failure?.outcomeUnknown == true)
            writer.close()
            expectFailure(FP_E_TRANSIENT) { try fixture.store.resume(writer.token) }
            proxy.set { _, _ in .pass }
            #expect(try fixture.store.resume(writer.token).writer == nil)
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test(
            "A failed condition counts as one only when the object has been seen",
            arguments: [10, partSize + 1])
        func conditionWithoutALook(size: Int) throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("warm", [1], flags: FP_W_IF_NOT_EXISTS)
            proxy.set { head, _ in
                head.method == "HEAD" ? .reply(500) : head.fields["if-none-match"] != nil ? .replace(412) : .pass
            }
            let failure = expectFailure(FP_E_TRANSIENT) {
                try fixture.store.put("k", Pattern.bytes(size), flags: FP_W_IF_NOT_EXISTS)
            }
            #expect(failure?.outcomeUnknown == true)
        }

        @Test(
            "A put whose reply is lost is recognised, even if the key had to be free",
            arguments: [
                Fault.loseReply, .duplicate, .replace(500), .replace(412, [:], errorBody("PreconditionFailed")),
            ])
        func put(fault: Fault) throws {
            let proxy = FaultProxy { head, _ in head.method == "PUT" && head.path.hasSuffix("/k") ? fault : .pass }
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", [1, 2, 3], flags: FP_W_IF_NOT_EXISTS)
            #expect(try fixture.store.get("k") == [1, 2, 3])
        }

        @Test("tusd defect 4: a mark that cannot be left leaves the session where the one before was")
        func mark() throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            proxy.set { head, _ in
                head.method == "PUT" && head.path.contains("/.fp/t/") ? .replace(500) : .pass
            }
            try writer.write(Pattern.bytes(10))
            expectFailure(FP_E_TRANSIENT) { try writer.sync() }
            writer.close()
            proxy.set { head, _ in head.method == "PUT" && head.path.contains("/.fp/t/") ? .reply(500) : .pass }
            let next = try #require(try fixture.store.resume(writer.token, at: UInt64(partSize * 3 / 2 + 10)).writer)
            try next.write(Pattern.bytes(10))
            expectFailure(FP_E_TRANSIENT) { try next.sync() }
            next.close()
            proxy.set { _, _ in .pass }
            #expect(try #require(try fixture.store.resume(writer.token).writer).offset == UInt64(partSize * 3 / 2 + 10))
        }

        @Test(
            "A mark counts as left only if the reply says so through and through",
            arguments: [
                Fault.reply(200, [:], errorBody("InternalError")), .reply(200),
                .reply(200, ["ETag": "\"0\""], errorBody("InternalError")),
            ])
        func doubtfulMark(fault: Fault) throws {
            let proxy = FaultProxy()
            let fixture = try Fixture(url: proxy.url)
            let writer = try begun(fixture.store)
            proxy.set { head, _ in head.method == "PUT" && head.path.contains("/.fp/t/") ? fault : .pass }
            try writer.write(Pattern.bytes(10))
            expectFailure(FP_E_TRANSIENT) { try writer.sync() }
            writer.close()
            proxy.set { _, _ in .pass }
            let next = try #require(try fixture.store.resume(writer.token, at: UInt64(partSize * 3 / 2)).writer)
            try next.write(Array(bytes[(partSize * 3 / 2)...]))
            try next.commit()
            next.close()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("A mark that comes late, after its session was taken back, counts for nothing")
        func lateMark() throws {
            let fixture = try Fixture()
            let marks = try fixture.another(["location": fixture.location + "/.fp"])
            let first = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            for end in [1000, 2000, 3000] {
                try first.write(Pattern.bytes(1000, seed: UInt64(end)))
                try first.sync()
            }
            first.close()
            let late = try #require(try marks.keys().first { $0.contains("/0000000000000bb8-") })
            let lateContent = try marks.get(late)

            let second = try #require(try fixture.store.resume(first.token, at: 2000).writer)
            try second.write(Pattern.bytes(500, seed: 7))
            try second.sync()
            second.close()
            try waitUntil("the later mark is gone") { try !marks.keys().contains(late) }
            try marks.put(late, lateContent)

            #expect(try fixture.store.all(pending: true).map(\.size) == [2500])
            let third = try #require(try fixture.another().resume(first.token, at: 2500).writer)
            try third.commit()
            third.close()
            expectSame(
                try fixture.store.get("k"),
                Pattern.bytes(1000, seed: 1000) + Pattern.bytes(1000, seed: 2000) + Pattern.bytes(500, seed: 7))
            try waitUntil("the late mark is gone") { try marks.keys().isEmpty }
        }

        @Test("Marks that outlive their upload are removed by a listing of uploads, a day later")
        func strayMarks() throws {
            let fixture = try Fixture()
            let marks = try fixture.another(["location": fixture.location + "/.fp"])
            let ended = try begun(fixture.store)
            let name = try #require(try marks.keys().last)
            let content = try marks.get(name)
            try ended.abort()
            ended.close()
            try waitUntil("its marks are gone") { try marks.keys().isEmpty }
            try marks.put(name, content)
            let going = try begun(fixture.store)
            going.close()
            #expect(try fixture.store.all(pending: true).count == 1)
            #expect(try marks.keys().contains(name))

            // Only the list is older than the server's: the rest is real.
            let names = try marks.keys()
            let entries = names.map {
                "<Contents><Key>\(fixture.location)/.fp/\($0)</Key><Size>0</Size>"
                    + "<LastModified>2020-01-01T00:00:00.000Z</LastModified></Contents>"
            }
            let list = "<ListBucketResult>\(entries.joined())</ListBucketResult>"
            let proxy = FaultProxy { head, _ in
                head.query.contains("list-type=2") && head.query.hasSuffix(".fp%2Ft%2F")
                    ? .reply(200, [:], list) : .pass
            }
            let store = try fixture.another(["endpoint_url": proxy.url])
            #expect(try store.all(pending: true).count == 1)
            try waitUntil("the stray mark is gone") { try !marks.keys().contains(name) }
            #expect(try Set(marks.keys()) == Set(names).subtracting([name]))
        }

        @Test(
            "A mark that is read wrong is read again, and one that is damaged counts for nothing",
            arguments: [true, false])
        func damagedMark(once: Bool) throws {
            let reads = Counter()
            let proxy = FaultProxy { head, _ in
                // The newer one of the two, by its name.
                guard head.method == "GET", head.path.contains("/000000000050000a-") else { return .pass }
                return once && reads.next() > 0 ? .pass : .flipReply(at: 5)
            }
            let fixture = try Fixture(url: proxy.url)
            let writer = try fixture.store.begin("k", flags: FP_W_RESUMABLE)
            try writer.write(Array(bytes[..<1000]))
            try writer.sync()
            try writer.write(Array(bytes[1000..<(partSize + 10)]))
            try writer.sync()
            writer.close()
            let again = try #require(try fixture.store.resume(writer.token).writer)
            #expect(again.offset == (once ? UInt64(partSize + 10) : 1000))
            try again.write(Array(bytes[Int(again.offset)...]))
            try again.commit()
            expectSame(try fixture.store.get("k"), bytes)
        }

        @Test("One download never mixes two versions, and goes on after a cut")
        func reading() throws {
            let direct = try Fixture()
            try direct.store.put("k", bytes)
            let cuts = Counter()
            let proxy = FaultProxy { head, _ in
                head.method == "GET" && cuts.next() < 3 ? .cutReply(after: 2_000_000) : .pass
            }
            let store = try direct.another(["endpoint_url": proxy.url])
            expectSame(try store.get("k"), bytes)
            #expect(proxy.requests.filter { $0.hasPrefix("GET") }.count == 4)
            expectSame(try store.open("k", offset: 1000, length: 3_000_000).rest(), Array(bytes[1000..<3_001_000]))

            proxy.set { head, _ in head.method == "GET" ? .cutReply(after: 0) : .pass }
            expectFailure(FP_E_TRANSIENT) { try store.open("k").rest() }

            proxy.set { head, _ in
                head.method == "GET" && head.fields["range"] == nil ? .cutReply(after: 3_000_000) : .pass
            }
            let reader = try store.open("k")
            var read = try reader.read(1000)
            try direct.store.put("k", Pattern.bytes(bytes.count, seed: 5))
            expectFailure(FP_E_PRECONDITION) { while true { read += try reader.read() } }
            #expect(read.elementsEqual(bytes.prefix(read.count)))
        }

        @Test("A byte that changes on its way back is noticed where S3 has a checksum of the whole")
        func flipped() throws {
            let proxy = FaultProxy { head, _ in head.method == "GET" ? .flipReply(at: 4000) : .pass }
            let fixture = try Fixture(url: proxy.url)
            try fixture.store.put("k", Pattern.bytes(10_000))
            expectFailure(FP_E_TRANSIENT) { try fixture.store.get("k") }
        }
    }
}

/// Counts from 0, from any thread.
final class Counter: Sendable {
    private let collected = Collected<Int>()
    func next() -> Int {
        collected.add(0)
        return collected.all.count - 1
    }
}

private func isCompletion(_ head: HTTPHead) -> Bool {
    head.method == "POST" && head.query.hasPrefix("uploadId=") && head.path.hasSuffix("/k")
}
