import FPFormats
import FPHTTP
import FPPolicy
import FPServer
import FPUploads
import Foundation
import Support
import Testing

@Suite("What a policy limits")
struct PolicyLimitTests {
    private static let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13]

    /// Chunks need no policy here, so that what is agreed at the beginning is all that holds.
    private static func openChunks(_: inout UploadSettings, settings: inout ServerSettings) {
        settings.permissions = EndpointPermissions(rules: ["PATCH_PATCH": [.allowAny]])
    }

    private func count(_ house: ServerHouse) async throws -> Int {
        try await house.uploads.uploads(matching: UploadQuery()).uploads.count
    }

    @Test("whole files count to the byte, all of a form together, and one byte too many leaves nothing")
    func wholeFiles() async throws {
        try await Application.with { app, house async throws in
            for size in [10, 600_000] {
                let limited = try app.header { $0.maxSize = UInt64(size) }
                let bytes = [UInt8](repeating: 7, count: size)
                #expect(try await house.send(file: "a.bin", bytes, limited).status == 200)
                let before = house.filesOnDisk()
                let reply = try await house.send(file: "a.bin", bytes + [7], limited)
                #expect(reply.status == 413 && reply.text.contains("\(size) bytes"), "\(reply.text)")
                var form = Form()
                form.add("filepond", file: "a.bin", Array(bytes.dropLast()))
                form.add("filepond", file: "b.bin", [1, 2])
                #expect(try await house.send("POST", "/fp/process/", form.headers + limited, form.body).status == 413)
                #expect(house.filesOnDisk() == before)
            }
            #expect(try await count(house) == 2)
            let none = try app.header { $0.maxSize = 0 }
            #expect(try await house.send(file: "a.bin", [], none).status == 200)
            #expect(try await house.send(file: "a.bin", [1], none).status == 413)
        }
    }

    @Test("chunks count to the byte, whether the length was announced or comes with a chunk")
    func chunks() async throws {
        try await Application.with { app, house async throws in
            let limited = try app.header { $0.maxSize = 6 }
            #expect(try await house.send(announcement: 7, limited).status == 413)
            #expect(try await count(house) == 0)
            for announced in [6, nil] {
                let id = try await house.send(announcement: announced, limited).text
                #expect(try await house.send(chunk: "abc", at: 0, of: 6, id, limited).status == 200)
                #expect(try await house.send(chunk: "defg", at: 3, of: 6, id, limited).status == 400)
                #expect(try await house.send(chunk: "def", at: 3, of: 6, id, limited).status == 200)
            }
            let id = try await house.send(announcement: nil, limited).text
            #expect(try await house.send(chunk: "abc", at: 0, of: 7, id, limited).status == 413)
        }
    }

    @Test("what was agreed holds for an upload's whole life, whichever policy a chunk brings, or none")
    func wholeLife() async throws {
        try await Application.with(Self.openChunks) { app, house async throws in
            let limited = try app.header { $0.maxSize = 6 }
            let large = try app.header { $0.maxSize = 1000 }
            let free = try app.header()
            for headers in [[], large, free] {
                let id = try await house.send(announcement: nil, limited).text
                #expect(try await house.send(chunk: "abcdefg", at: 0, of: 7, id, headers).status == 413)
                #expect(try await house.send(chunk: "abc", at: 0, of: 6, id, headers).status == 200)
                #expect(try await house.send(chunk: "def", at: 3, of: 6, id, headers).status == 200)
            }
            let images = try app.header { $0.types = [.group("image")] }
            let id = try await house.send(announcement: 3, images).text
            #expect(try await house.send(chunk: "abc", at: 0, of: 3, id, [], name: "a.txt").status == 415)
            #expect(try await count(house) == 3)
        }
    }

    @Test("a policy takes away from what the settings allow, and never adds")
    func settings() async throws {
        try await Application.with({ uploads, _ in
            uploads.maxSize = 10
            uploads.maxFiles = 1
            uploads.types = TypeRules(forbid: [.ending("exe")])
        }) { app, house async throws in
            let generous = try app.header {
                $0.maxSize = 1000
                $0.maxFiles = 9
                $0.types = [.ending("exe"), .ending("bin")]
            }
            #expect(try await house.send(file: "a.bin", [UInt8](repeating: 1, count: 11), generous).status == 413)
            #expect(try await house.send(announcement: 11, generous).status == 413)
            #expect(try await house.send(file: "a.exe", [1], generous).status == 415)
            var form = Form()
            for name in ["a.bin", "b.bin"] { form.add("filepond", file: name, [1]) }
            #expect(try await house.send("POST", "/fp/process/", form.headers + generous, form.body).status == 413)
            #expect(house.filesOnDisk().isEmpty)
        }
    }

    @Test("other types, and more files, than a policy allows leave nothing, whole or in chunks")
    func typesAndFiles() async throws {
        try await Application.with { app, house async throws in
            let images = try app.header {
                $0.types = [.group("image")]
                $0.maxFiles = 2
            }
            #expect(try await house.send(file: "a.png", Array("no image".utf8), images).status == 415)
            #expect(try await house.send(file: "a.txt", Self.png, images).status == 415)
            let id = try await house.send(announcement: 8, images).text
            #expect(try await house.send(chunk: "no image", at: 0, of: 8, id, images, name: "a.png").status == 415)
            var form = Form()
            for name in ["a.png", "b.png", "c.png"] { form.add("filepond", file: name, Self.png) }
            #expect(try await house.send("POST", "/fp/process/", form.headers + images, form.body).status == 413)
            #expect(house.filesOnDisk().isEmpty)
            #expect(try await count(house) == 0)
            #expect(try await house.send(file: "a.png", Self.png, images).status == 200)
        }
    }

    @Test("as many uploads begin as a policy allows, however many ask at once, and the others leave nothing")
    func counted() async throws {
        try await Application.with { app, house async throws in
            let five = try app.header {
                $0.id = "five"
                $0.count = 5
            }
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<24 {
                    group.addTask {
                        number.isMultiple(of: 2)
                            ? try await house.send(file: "a.txt", [1], five).status
                            : try await house.send(announcement: 3, five).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [Int](repeating: 200, count: 5) + [Int](repeating: 403, count: 19))
            #expect(try await count(house) == 5)
            // A session that goes on is a file of bytes, and one of what is known of it.
            let staged = house.directory.files(below: "staging").filter { !$0.hasSuffix(".m") }
            #expect(staged.count == 5, "\(staged)")
            let more = try app.header {
                $0.id = "five"
                $0.count = 6
            }
            let id = try await house.send(file: "a.txt", [1], more)
            #expect(id.status == 200)
            #expect(try await house.send("DELETE", "/fp/revert/", more, Array(id.text.utf8)).status == 204)
            let refused = try await house.send(file: "a.txt", [1], more)
            #expect(refused.status == 403 && refused.text.contains("as you may begin"), "\(refused.text)")
            let other = try app.header {
                $0.id = "other"
                $0.count = 1
            }
            #expect(try await house.send(file: "a.txt", [1], other).status == 200)
        }
    }

    @Test("a policy that is used up is refused before anything of a body is read, and nothing is staged")
    func usedUp() async throws {
        let control = PluginControl()
        try await Application.with(sick: ["staging": control]) { app, house async throws in
            let one = try app.header {
                $0.id = "one"
                $0.count = 1
            }
            #expect(try await house.send(file: "a.txt", [1], one).status == 200)
            func calls() -> Int { control[.writeBegin, .calls] }
            let before = calls()
            let head =
                "POST /fp/process/ HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n"
                + "Content-Type: multipart/form-data; boundary=b\r\nUpload-Policy: \(one[0].1)\r\n\r\n"
            let reply = try await onThread { [port = house.client.port] in
                let connection = try HTTPConnection(port: port)
                try connection.send(head)
                return try connection.readReply()
            }
            #expect(reply.status == 403 && reply.text.contains("as you may begin"), "\(reply.text)")
            #expect(try await house.send(announcement: 3, one).status == 403)
            #expect(try await house.send(file: "a.txt", [UInt8](repeating: 1, count: 600_000), one).status == 403)
            #expect(calls() == before && before > 0)
        }
    }
}
