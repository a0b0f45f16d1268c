import FPFormats
import FPUploads
import Foundation
import Glibc
import Support
import Testing

@Suite("verify")
struct VerifyTests {
    private struct Answer: Decodable {
        struct File: Decodable, Equatable {
            let result: String
            let differs: String?
            let expected: String?
            let found: String?
        }

        let damaged: Bool
        let files: [File]
    }

    private static let hello = "Hello, FilePond!"

    private func verify(_ house: ServerHouse, _ id: String, deep: Bool) async throws -> Answer {
        let reply = try await house.call("POST", "/api/v1/uploads/\(id)/verify", json: "{\"deep\": \(deep)}")
        try #require(reply.status == 200, "\(reply.text)")
        return try JSONDecoder().decode(Answer.self, from: Data(reply.body))
    }

    private func verifiedAt(_ house: ServerHouse, _ id: String) async throws -> String? {
        let reply = try await house.call("GET", "/api/v1/uploads/\(id)")
        let document = try JSONSerialization.jsonObject(with: Data(reply.body)) as? [String: Any]
        return document?["verified_at"] as? String
    }

    /// Where the bytes of a stored upload are.
    private func stored(_ house: ServerHouse, _ content: String = hello) async throws -> (id: String, path: String) {
        let id = try await house.upload("a.txt", content)
        try await house.store(id, "docs/\(id).txt")
        return (id, house.directory.url.appendingPathComponent("media/docs/\(id).txt").path)
    }

    /// Changes the bytes of a file behind the host's back, as a bad disk does: its times stay.
    private func rot(_ path: String, _ change: (inout [UInt8]) -> Void) throws {
        var status = stat()
        try #require(stat(path, &status) == 0)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        change(&bytes)
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try file.truncate(atOffset: UInt64(bytes.count))
        try file.seek(toOffset: 0)
        try file.write(contentsOf: Data(bytes))
        try file.close()
        var times = [status.st_atim, status.st_mtim]
        try #require(utimensat(AT_FDCWD, path, &times, 0) == 0)
    }

    @Test("a flipped byte is named by a deep look and no other, and what is right is put on record with its time")
    func flippedByte() async throws {
        try await ServerHouse.with { house async throws in
            let (id, path) = try await stored(house)
            #expect(try await verify(house, id, deep: false).damaged == false)
            #expect(try await verifiedAt(house, id) == nil, "nothing was read")
            #expect(try await verify(house, id, deep: true).damaged == false)
            let first = try #require(try await verifiedAt(house, id))
            try rot(path) { $0[5] ^= 1 }
            #expect(try await verify(house, id, deep: false).damaged == false)
            let answer = try await verify(house, id, deep: true)
            #expect(answer.damaged)
            #expect(answer.files.map(\.result) == ["mismatch"])
            #expect(answer.files[0].differs == "sha-256")
            #expect(answer.files[0].expected?.utf8.count == 64 && answer.files[0].found?.utf8.count == 64)
            #expect(answer.files[0].expected != answer.files[0].found)
            #expect(try await verifiedAt(house, id) == first, "it was right when it was looked at before")
            #expect(FileManager.default.fileExists(atPath: path), "nothing is removed")
            try rot(path) { $0[5] ^= 1 }
            #expect(try await verify(house, id, deep: true).damaged == false)
        }
    }

    @Test("a changed size, another tag and a missing file are found without reading")
    func shallow() async throws {
        try await ServerHouse.with { house async throws in
            let (short, path) = try await stored(house)
            try rot(path) { $0.removeLast() }
            let answer = try await verify(house, short, deep: false)
            #expect(answer.files == [.init(result: "mismatch", differs: "size", expected: "16", found: "15")])
            let (gone, place) = try await stored(house)
            try FileManager.default.removeItem(atPath: place)
            for deep in [false, true] {
                let files = try await verify(house, gone, deep: deep).files
                #expect(files == [.init(result: "missing", differs: nil, expected: nil, found: nil)])
            }
            let (touched, elsewhere) = try await stored(house)
            try Data(Self.hello.utf8).write(to: URL(fileURLWithPath: elsewhere), options: .atomic)
            #expect(try await verify(house, touched, deep: false).files[0].differs == "etag")
            #expect(try await verify(house, touched, deep: true).damaged == false, "the same bytes")
        }
    }

    @Test("each file of an upload is looked at, temporary ones and those without bytes too")
    func files() async throws {
        try await ServerHouse.with { house async throws in
            let id = try await house.upload([("a", Array("main".utf8)), ("b", []), ("c", Array("variant".utf8))])
            #expect(try await verify(house, id, deep: true).files.map(\.result) == ["ok", "ok", "ok"])
            let last = try #require(
                house.directory.files(below: "staging").first {
                    let path = house.directory.url.appendingPathComponent("staging/\($0)")
                    return (try? String(contentsOf: path, encoding: .utf8)) == "variant"
                })
            try rot(house.directory.url.appendingPathComponent("staging/\(last)").path) { $0[0] = 0 }
            #expect(try await verify(house, id, deep: true).files.map(\.result) == ["ok", "ok", "mismatch"])
        }
    }

    @Test("what was kept without SHA-256 is compared by its CRC")
    func crc() async throws {
        try await ServerHouse.with({ uploads, _ in uploads.digest = .crc64nvme }) { house async throws in
            let (id, path) = try await stored(house)
            #expect(try await verify(house, id, deep: true).damaged == false)
            try rot(path) { $0[0] ^= 128 }
            #expect(try await verify(house, id, deep: true).files[0].differs == "crc64nvme")
        }
    }

    @Test("a listing leaves out what was found right at a time or later")
    func verifiedBefore() async throws {
        try await ServerHouse.with { house async throws in
            let ids = [try await stored(house).id, try await stored(house).id]
            _ = try await verify(house, ids[0], deep: true)
            let moment = try #require(try await verifiedAt(house, ids[0]))
            let listed = { (query: String) in
                try await house.call("GET", "/api/v1/uploads?verified_before=\(query)").text
            }
            let at = try await listed(moment)
            #expect(!at.contains(ids[0]) && at.contains(ids[1]))
            let later = try await listed("2200-01-01T00:00:00Z")
            #expect(later.contains(ids[0]) && later.contains(ids[1]))
            #expect(try await house.call("GET", "/api/v1/uploads?verified_before=x").status == 400)
        }
    }

    @Test("an upload that is not whole, that nobody has, and a question that makes no sense are refused")
    func refused() async throws {
        try await ServerHouse.with { house async throws in
            let receiving = try await house.announce(10)
            #expect(try await house.call("POST", "/api/v1/uploads/\(receiving)/verify").status == 409)
            let nobody = UploadID.random()
            #expect(try await house.call("POST", "/api/v1/uploads/\(nobody)/verify").status == 404)
            let id = try await house.upload()
            for json in ["[]", "{\"deep\": 1}", "{\"rate\": 0}", "{\"rate\": \"1\"}", "{\"x\": 1}"] {
                #expect(
                    try await house.call("POST", "/api/v1/uploads/\(id)/verify", json: json).status == 400, "\(json)")
            }
            #expect(try await house.send("POST", "/api/v1/uploads/\(id)/verify").status == 401)
            #expect(try await house.call("POST", "/api/v1/uploads/\(id)/verify").status == 200)
        }
    }
}
