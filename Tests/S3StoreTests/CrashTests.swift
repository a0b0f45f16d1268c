import FPPluginAPI
import PluginTestKit
import StoreUnderTest
import Testing

extension S3StoreTests {
    @Suite("crashes")
    struct Crashes {
        private static let steps: [[String]] = [
            [],
            ["write 1000 1"],
            ["write 1000 1", "sync 0"],
            ["write 6000000 1"],
            ["write 6000000 1", "sync 0", "write 6000000 1"],
            ["write 6000000 1", "sync 0", "write 6000000 1", "sync 0"],
            ["write 12000000 1", "sync 0", "commit 0"],
            ["write 12000000 1", "commit 0"],
        ]

        @Test("A session survives the end of its process after any step, by its first token", arguments: steps)
        func killed(steps: [String]) throws {
            let fixture = try Fixture()
            let process = try fixture.process()
            let token = try process.run("begin k \(FP_W_RESUMABLE)").token
            var synced = 0
            var written = 0
            for step in steps {
                let words = try process.run(step).words
                if step.hasPrefix("write") { written = Int(words.first ?? "") ?? -1 }
                if step.hasPrefix("sync") { synced = Int(words.first ?? "") ?? -1 }
            }
            process.kill()
            let result = try fixture.store.resume(token)
            if steps.last?.hasPrefix("commit") == true {
                #expect(result.writer == nil)
            } else {
                let writer = try #require(result.writer)
                #expect(writer.offset == UInt64(synced) && synced <= written)
                try writer.write(Pattern.bytes(writer.offset..<12_000_000, seed: 1))
                try writer.commit()
                writer.close()
            }
            expectSame(try fixture.store.get("k"), Pattern.bytes(12_000_000))
            #expect(try fixture.store.all(pending: true) == [])
        }

        @Test(
            "A session survives the end of its process in the middle of each of its requests",
            arguments: [
                "POST uploads=", "PUT partNumber=1", "PUT partNumber=2", "PUT /.fp/t/", "POST uploadId=",
            ])
        func killedInside(request: String) throws {
            let words = request.split(separator: " ").map(String.init)
            let seen = Collected<Int>()
            let proxy = FaultProxy { head, _ in
                guard head.method == words[0], head.target.contains(words[1]), head.path.contains("/tests/t/") else {
                    return .pass
                }
                seen.add(1)
                return .slow(60_000)
            }
            let direct = try Fixture()
            let options = direct.options.merging(["endpoint_url": proxy.url]) { $1 }
            let process = try StoreProcess(plugin: "S3Store", options: options)
            try process.send("begin k \(FP_W_RESUMABLE)")
            var token: [UInt8] = []
            if words[1] != "uploads=" {
                token = try process.answer().token
                try process.send("write 11000000 1")
                try process.send("sync 0")
                try process.send("commit 0")
            }
            try waitUntil("the request is under way") { !seen.all.isEmpty }
            process.kill()
            if token.isEmpty {
                // The server made an upload that nobody knows: a list finds it.
                try waitUntil("the upload is found") { try direct.store.all(pending: true).count == 1 }
                for entry in try direct.store.all(pending: true) { try direct.store.discard(entry.token) }
                return
            }
            try waitUntil("the server is done with the request") {
                guard let writer = try direct.store.resume(token).writer else { return true }
                defer { writer.close() }
                guard words[1] != "uploadId=" else { return false }
                try writer.write(Pattern.bytes(writer.offset..<11_000_000, seed: 1))
                try writer.commit()
                return true
            }
            expectSame(try direct.store.get("k"), Pattern.bytes(11_000_000))
            #expect(try direct.store.all(pending: true) == [])
        }
    }
}
