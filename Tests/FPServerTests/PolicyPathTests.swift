import FPHTTP
import FPPolicy
import FPServer
import FPUploads
import Foundation
import Support
import Testing

@Suite("Where a policy has an upload stored")
struct PolicyPathTests {
    private func state(_ id: String, _ house: ServerHouse) async throws -> UploadState? {
        try await house.uploads.upload(try #require(UploadID(id), "\(id)"))?.state
    }

    @Test("an upload is at its path when the request is answered that completes it, whole or in chunks")
    func stored() async throws {
        try await Application.with { app, house async throws in
            let headers = try app.header {
                $0.path = "in/{id}/x-{name}"
                $0.store = "archive"
            }
            let whole = try await house.send(file: "a.txt", Array("whole".utf8), headers)
            #expect(whole.status == 200)
            #expect(try house.directory.contents("archive/in/\(whole.text)/x-a.txt") == Array("whole".utf8))
            let id = try await house.send(announcement: 6, headers).text
            #expect(try await house.send(chunk: "abc", at: 0, of: 6, id, headers).status == 200)
            #expect(try await state(id, house) == .receiving)
            let last = try await house.send(chunk: "def", at: 3, of: 6, id, headers)
            #expect(last.status == 200 && last.text == id && last["upload-offset"] == "6")
            #expect(try house.directory.contents("archive/in/\(id)/x-chunked.txt") == Array("abcdef".utf8))
            #expect(try await state(id, house) == .stored)
            #expect(try await house.send(chunk: "def", at: 3, of: 6, id, headers).status == 200, "the answer was lost")
            let directory = try app.header { $0.path = "/inbox/" }
            #expect(try await house.send(file: "b.txt", [1], directory).status == 200)
            #expect(try house.directory.contents("media/inbox/b.txt") == [1])
        }
    }

    @Test(
        "a file's name never leads out of the path, nor fills in anything",
        arguments: [
            ("../../up.txt", "up.txt"), ("..", "file"), ("a/b\\c.txt", "c.txt"), ("{id}.txt", "{id}.txt"),
            ("{name}", "{name}"),
        ])
    func names(name: String, expected: String) async throws {
        try await Application.with { app, house async throws in
            let headers = try app.header { $0.path = "in/{name}" }
            #expect(try await house.send(file: name, [1], headers).status == 200)
            #expect(house.directory.files(below: "media") == ["in/\(expected)"])
        }
    }

    @Test("a path that is taken is 409: a whole upload leaves nothing, one in chunks stays temporary")
    func taken() async throws {
        try await Application.with { app, house async throws in
            let headers = try app.header { $0.path = "one.txt" }
            #expect(try await house.send(file: "a.txt", [1], headers).status == 200)
            #expect(try await house.send(file: "b.txt", [2], headers).status == 409)
            #expect(house.filesOnDisk().count == 1)
            let id = try await house.send(announcement: 3, headers).text
            #expect(try await house.send(chunk: "abc", at: 0, of: 3, id, headers).status == 409)
            #expect(try await state(id, house) == .complete)
            #expect(try house.directory.contents("media/one.txt") == [1])
        }
    }

    @Test(
        "a path that no policy may have is not signed",
        arguments: ["", "../x", "a//b", "a/{nam}", "a/{", "a}", "a/{id", "a\\b", ".fp/x", "a/./b"])
    func bad(path: String) throws {
        let app = try Application()
        #expect(throws: PolicyError.self) { try app.policy { $0.path = path } }
    }

    @Test("a store that there is not is told before any byte is taken")
    func unknownStore() async throws {
        try await Application.with { app, house async throws in
            let headers = try app.header {
                $0.path = "a"
                $0.store = "nowhere"
            }
            #expect(try await house.send(announcement: 3, headers).status == 400)
            let reply = try await house.send(file: "a.txt", [1], headers)
            #expect(reply.status == 400 && reply.text.contains("no store \\\"nowhere\\\""), "\(reply.text)")
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("a path is for one file, unless the policy says how many there may be")
    func oneFile() async throws {
        try await Application.with { app, house async throws in
            var form = Form()
            for name in ["a.txt", "b.txt"] { form.add("filepond", file: name, [1]) }
            let one = try app.header { $0.path = "users/42/avatar.txt" }
            #expect(try await house.send("POST", "/fp/process/", form.headers + one, form.body).status == 413)
            #expect(house.filesOnDisk().isEmpty)
            let two = try app.header {
                $0.path = "users/42/avatar.txt"
                $0.maxFiles = 2
            }
            #expect(try await house.send("POST", "/fp/process/", form.headers + two, form.body).status == 200)
            #expect(house.directory.files(below: "media").count == 2)
        }
    }

    @Test("a store that fails is an honest 5xx; the last chunk again, or the whole upload again, tries anew")
    func failing() async throws {
        let control = PluginControl()
        try await Application.with(sick: ["media": control]) { app, house async throws in
            Sickness.fails.begin(control)
            let headers = try app.header {
                $0.path = "in/{id}.txt"
                $0.id = "two"
                $0.count = 2
            }
            let id = try await house.send(announcement: 3, headers).text
            let refused = try await house.send(chunk: "abc", at: 0, of: 3, id, headers)
            #expect((500...504).contains(refused.status), "\(refused.status) \(refused.text)")
            let whole = try await house.send(file: "a.txt", [1], headers)
            #expect((500...504).contains(whole.status), "\(whole.status) \(whole.text)")
            let left = try await house.uploads.uploads(matching: UploadQuery()).uploads
            #expect(left.map(\.id.description) == [id])
            Sickness.fails.end(control)
            try await waitFor("the store to recover", within: .seconds(60)) {
                try await house.send(chunk: "abc", at: 0, of: 3, id, headers).status == 200 ? true : nil
            }
            #expect(try await self.state(id, house) == .stored)
            try await waitFor("what was taken back to go", within: .seconds(60)) {
                await Sweeper(house.uploads).sweep()
                return house.directory.files(below: "staging").isEmpty ? true : nil
            }
            #expect(try await house.send(file: "a.txt", [1], headers).status == 200, "the failed one is not counted")
            let third = try await house.send(file: "a.txt", [1], headers)
            #expect(third.status == 403, "\(third.status) \(third.text)")
        }
    }
}
