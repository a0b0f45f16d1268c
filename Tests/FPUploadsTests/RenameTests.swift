import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("Storing beside what is there")
struct RenameTests {
    private func put(_ text: String, at key: String, in house: House) throws {
        let place = house.directory.url.appendingPathComponent("media/\(key)")
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: place)
    }

    @Test("the second upload at a path becomes name_2, the third name_3, and the answer says so")
    func names() async throws {
        let house = try await House()
        var paths: [String?] = []
        for content in 1...3 {
            let upload = try await house.receive([UInt8(content)], name: "été.tar.gz")
            let stored = try await house.uploads.store(upload.id, path: "docs/", ifExists: .rename)
            paths.append(stored.files[0].path)
            #expect(try await house.bytes(of: upload.id) == [UInt8(content)])
        }
        #expect(paths == ["docs/été.tar.gz", "docs/été_2.tar.gz", "docs/été_3.tar.gz"])
        await house.close()
    }

    @Test("a file that is in no catalog leads to the next name, and stays as it is", arguments: [false, true])
    func foreign(isStreamed: Bool) async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(elsewhere: far)
        let store = isStreamed ? "far" : "media"
        let root = isStreamed ? far.url : house.directory.url.appendingPathComponent("media")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        for name in ["a.txt", "a_2.txt", "a_4.txt"] {
            try Data("theirs".utf8).write(to: root.appendingPathComponent(name))
        }
        var paths: [String?] = []
        for content in 1...3 {
            let upload = try await house.receive([UInt8(content)])
            let stored = try await house.uploads.store(upload.id, path: "a.txt", in: store, ifExists: .rename)
            paths.append(stored.files[0].path)
            #expect(try await house.bytes(of: upload.id) == [UInt8(content)])
        }
        #expect(paths == ["a_3.txt", "a_5.txt", "a_6.txt"])
        for name in ["a.txt", "a_2.txt", "a_4.txt"] {
            #expect(try Data(contentsOf: root.appendingPathComponent(name)) == Data("theirs".utf8))
        }
        await house.close()
    }

    @Test(
        "thousands of files that are in no catalog are passed; where none of the names tried is free, the upload stays")
    func crowded() async throws {
        let house = try await House()
        for number in 1...2000 { try put("theirs", at: number == 1 ? "a.txt" : "a_\(number).txt", in: house) }
        let upload = try await house.receive([1])
        let stored = try await house.uploads.store(upload.id, path: "a.txt", ifExists: .rename)
        #expect(stored.files[0].path == "a_2560.txt")
        // Every name that is tried is taken.
        try put("theirs", at: "b.txt", in: house)
        var number = 1
        for _ in 0..<20 {
            number = FreeNumber.next(after: number)
            try put("theirs", at: "b_\(number).txt", in: house)
        }
        let other = try await house.receive([2])
        let kind = await failure { _ = try await house.uploads.store(other.id, path: "b.txt", ifExists: .rename) }
        #expect(kind == .pathTaken)
        #expect(try await house.uploads.upload(other.id)?.state == .complete)
        #expect(try await house.bytes(of: other.id) == [2])
        await house.close()
    }

    @Test("the files of one upload take one number together")
    func variants() async throws {
        let house = try await House()
        func receive() async throws -> Upload {
            let reception = house.uploads.beginReception()
            for (index, name) in ["photo.jpg", "small_photo.jpg"].enumerated() {
                try await reception.beginFile(name: name, declaredType: nil)
                try await reception.write([.init(bytes: [UInt8(index)])])
                try await reception.endFile()
            }
            return try await reception.finish(metadata: nil)
        }
        // The stranger's file is found only after the main file has moved.
        try put("theirs", at: "a/small_photo_2.jpg", in: house)
        var paths: [[String?]] = []
        for _ in 0..<3 {
            let upload = try await receive()
            let stored = try await house.uploads.store(upload.id, path: "a/", ifExists: .rename)
            paths.append(stored.files.map(\.path))
            #expect(try await house.bytes(house.uploads.open(upload.id, file: 1)) == [1])
        }
        #expect(
            paths == [
                ["a/photo.jpg", "a/small_photo.jpg"], ["a/photo_3.jpg", "a/small_photo_3.jpg"],
                ["a/photo_4.jpg", "a/small_photo_4.jpg"],
            ])
        await house.close()
    }

    @Test("the same request again, after its answer was lost, stores nothing a second time")
    func again() async throws {
        let house = try await House()
        let first = try await house.receive([1], name: "a.txt")
        _ = try await house.uploads.store(first.id, path: "d/", ifExists: .rename)
        let second = try await house.receive([2], name: "a.txt")
        let stored = try await house.uploads.store(second.id, path: "d/", ifExists: .rename)
        try await house.restart()
        for path in ["d/", "/d/a.txt"] {
            let again = try await house.uploads.store(second.id, path: path, ifExists: .rename)
            #expect(again.files[0].path == stored.files[0].path)
        }
        #expect(house.directory.files(below: "media").sorted() == ["d/a.txt", "d/a_2.txt"])
        // Another request is another matter.
        #expect(await failure { _ = try await house.uploads.store(second.id, path: "d/") } == .conflict)
        #expect(
            await failure { _ = try await house.uploads.store(second.id, path: "d/b.txt", ifExists: .rename) }
                == .conflict)
        await house.close()
    }

    @Test("after a crash on the way to the second name, the same request ends with one copy", arguments: [false, true])
    func crash(isMoved: Bool) async throws {
        let house = try await House()
        let upload = try await house.receive([2], name: "a.txt")
        try put("theirs", at: "a.txt", in: house)
        _ = try await house.catalog.beginStoring(
            upload.id, destinations: [Destination(store: "media", key: "a_2.txt")])
        if isMoved {
            let file = try #require(await house.catalog.upload(upload.id)?.files[0])
            _ = try await house.media.transfer(file.key, from: house.staging, to: "a_2.txt", options: .move)
        }
        try await house.restart()
        let stored = try await house.uploads.store(upload.id, path: "a.txt", ifExists: .rename)
        #expect(stored.files[0].path == "a_2.txt")
        #expect(house.directory.files(below: "media").sorted() == ["a.txt", "a_2.txt"])
        #expect(try await house.bytes(of: upload.id) == [2])
        await house.close()
    }

    @Test("of many uploads for one path at once each gets a name of its own and keeps its bytes")
    func race() async throws {
        let house = try await House()
        let uploads = house.uploads
        try put("theirs", at: "one.bin", in: house)
        var received: [Upload] = []
        for index in 0..<48 { received.append(try await house.receive([UInt8(index)])) }
        let candidates = received
        let paths = try await withThrowingTaskGroup(of: String?.self) { group in
            for upload in candidates {
                group.addTask {
                    try await uploads.store(upload.id, path: "one.bin", ifExists: .rename).files[0].path
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(paths).count == 48)
        #expect(!paths.contains("one.bin"))
        for (index, upload) in received.enumerated() { #expect(try await house.bytes(of: upload.id) == [UInt8(index)]) }
        await house.close()
    }

    @Test("a name of 255 bytes is cut to make room for its number")
    func long() async throws {
        let house = try await House()
        let name = String(repeating: "é", count: 125) + ".jpeg"
        for expected in [name, String(repeating: "é", count: 124) + "_2.jpeg"] {
            let upload = try await house.receive([1], name: name)
            let stored = try await house.uploads.store(upload.id, path: "d/", ifExists: .rename)
            #expect(stored.files[0].path == "d/" + expected)
        }
        await house.close()
    }
}
