import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("Storing in the place of what is there")
struct ReplaceTests {
    private func place(_ key: String, in house: House) throws -> URL {
        let place = house.directory.url.appendingPathComponent("media/\(key)")
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        return place
    }

    @Test("the new upload has the path, and the old one is gone, with its row", arguments: ["media", "far"])
    func replaced(store: String) async throws {
        guard let far = try? TemporaryDirectory(in: "/dev/shm") else { return }
        let house = try await House(elsewhere: far, overwrites: true)
        var ids: [UploadID] = []
        for content in 1...3 {
            let upload = try await house.receive(Array(repeating: UInt8(content), count: content * 1000))
            for _ in 0..<2 {
                let stored = try await house.uploads.store(upload.id, path: "a/b", in: store, ifExists: .replace)
                #expect(stored.files[0].path == "a/b")
            }
            ids.append(upload.id)
        }
        let bytes = try await house.bytes(house.uploads.openStored(path: "a/b"))
        #expect(bytes == Array(repeating: 3, count: 3000))
        #expect(try await house.bytes(of: ids[2]) == bytes)
        for id in ids.dropLast() { #expect(try await house.uploads.upload(id) == nil) }
        #expect(try await house.catalog.counts()[.stored] == 1)
        #expect((house.filesOnDisk() + far.files(below: "")).count == 1)
        // Gone is gone, also for a delete of the old one that comes late.
        #expect(await failure { _ = try await house.uploads.delete(ids[0], keepFile: false) } == .notFound)
        #expect(try await house.bytes(of: ids[2]) == bytes)
        await house.close()
    }

    @Test("what is in no catalog, and what is not there at all, give way as well")
    func foreign() async throws {
        let house = try await House(overwrites: true)
        try Data("theirs".utf8).write(to: try place("taken.txt", in: house))
        for path in ["taken.txt", "free.txt"] {
            let upload = try await house.receive([1, 2, 3])
            _ = try await house.uploads.store(upload.id, path: path, ifExists: .replace)
            #expect(try Data(contentsOf: place(path, in: house)) == Data([1, 2, 3]))
            #expect(try await house.bytes(of: upload.id) == [1, 2, 3])
        }
        await house.close()
    }

    @Test("a store that does not say that it replaces refuses in words, and everything stays")
    func notAllowed() async throws {
        let house = try await House()
        let old = try await house.receive([1])
        _ = try await house.uploads.store(old.id, path: "a")
        let new = try await house.receive([2])
        #expect(
            await failure { _ = try await house.uploads.store(new.id, path: "a", ifExists: .replace) } == .invalid)
        #expect(try await house.bytes(house.uploads.openStored(path: "a")) == [1])
        #expect(try await house.uploads.upload(new.id)?.state == .complete)
        await house.close()
    }

    @Test("uploads of several files neither replace nor are replaced")
    func variants() async throws {
        let house = try await House(overwrites: true)
        let reception = house.uploads.beginReception()
        for name in ["a.jpg", "b.jpg"] {
            try await reception.beginFile(name: name, declaredType: nil)
            try await reception.endFile()
        }
        let pair = try await reception.finish(metadata: nil)
        let single = try await house.receive([1])
        _ = try await house.uploads.store(single.id, path: "x/a.jpg")
        #expect(
            await failure { _ = try await house.uploads.store(pair.id, path: "x/", ifExists: .replace) } == .invalid)
        _ = try await house.uploads.store(pair.id, path: "y/")
        let other = try await house.receive([2])
        for path in ["y/a.jpg", "y/b.jpg"] {
            #expect(
                await failure { _ = try await house.uploads.store(other.id, path: path, ifExists: .replace) }
                    == .conflict)
        }
        #expect(house.directory.files(below: "media").sorted() == ["x/a.jpg", "y/a.jpg", "y/b.jpg"])
        await house.close()
    }

    @Test("somebody who is bound to their own uploads replaces neither another's nor a file that is nobody's")
    func bound() async throws {
        let house = try await House(overwrites: true)
        func receive(by owner: String?) async throws -> Upload {
            let reception = house.uploads.beginReception(by: Uploader(owner: owner))
            try await reception.beginFile(name: "f", declaredType: nil)
            try await reception.write([.init(bytes: [1])])
            try await reception.endFile()
            return try await reception.finish(metadata: nil)
        }
        func replace(_ id: UploadID, _ path: String) async throws {
            _ = try await house.uploads.store(id, path: path, ifExists: .replace, within: .own("ann"))
        }
        _ = try await house.uploads.store(try await receive(by: "bob").id, path: "bobs")
        _ = try await house.uploads.store(try await receive(by: nil).id, path: "nobodys")
        _ = try await house.uploads.store(try await receive(by: "ann").id, path: "anns")
        _ = try await house.uploads.store(try await receive(by: "ann").id, path: "overwritten")
        for path in ["foreign", "overwritten"] { try Data("theirs".utf8).write(to: try place(path, in: house)) }
        let mine = try await receive(by: "ann")
        for path in ["bobs", "nobodys", "foreign", "overwritten"] {
            #expect(await failure { try await replace(mine.id, path) } == .pathTaken, "\(path)")
        }
        try await replace(mine.id, "anns")
        #expect(try await house.catalog.counts() == [.stored: 4])
        #expect(try Data(contentsOf: place("overwritten", in: house)) == Data("theirs".utf8))
        await house.close()
    }

    /// How far the file has come when the host dies.
    enum Point: CaseIterable { case intended, copyIntended, copied, moved, movedOtherSize }

    @Test(
        "a crash at any point leaves one of the two, with a row that agrees", arguments: Point.allCases, [true, false])
    func crash(at point: Point, isForeign: Bool) async throws {
        let house = try await House(overwrites: true)
        var old: Upload?
        if isForeign {
            try Data([9, 9]).write(to: try place("p", in: house))
        } else {
            let upload = try await house.receive([9, 9])
            old = try await house.uploads.store(upload.id, path: "p")
        }
        let content: [UInt8] = point == .movedOtherSize ? [1, 2, 3] : [1, 2]
        let new = try await house.receive(content)
        let etag = try await house.media.stat("p").etag
        var destination = Destination(store: "media", key: "p")
        destination.replaced = Replaced(upload: old?.id, etag: etag)
        #expect(try await house.catalog.beginStoring(new.id, destinations: [destination]))
        let staged = house.directory.url.appendingPathComponent(
            "staging/" + (try #require(await house.catalog.upload(new.id)?.files[0].key)))
        let target = try place("p", in: house)
        if point == .copyIntended || point == .copied {
            try await house.catalog.recordStoringSession(new.id, file: 0, token: FileMover.copyMarker, at: .now)
        }
        switch point {
        case .intended, .copyIntended: break
        case .copied:
            let twin = target.deletingLastPathComponent().appendingPathComponent("twin")
            try FileManager.default.copyItem(at: staged, to: twin)
            #expect(rename(twin.path, target.path) == 0)
        case .moved, .movedOtherSize: #expect(rename(staged.path, target.path) == 0)
        }
        // Before anybody has settled it: the old one can be neither deleted nor forgotten, and who reads the path gets
        // one of the two, whole.
        let hasArrived = [.copied, .moved, .movedOtherSize].contains(point)
        if let old {
            for keep in [true, false] {
                #expect(
                    await failure { _ = try await house.uploads.delete(old.id, keepFile: keep) } == .unavailable)
            }
            let bytes = try await house.bytes(house.uploads.openStored(path: "p"))
            #expect(bytes == (hasArrived ? content : [9, 9]))
        }
        try await house.restart()
        let state = try #require(await house.uploads.upload(new.id)).state
        #expect(state == (hasArrived ? .stored : .complete))
        #expect(try await house.bytes(of: new.id) == content)
        #expect(try Data(contentsOf: target) == Data(hasArrived ? content : [9, 9]))
        if let old {
            #expect(try await house.uploads.upload(old.id)?.state == (hasArrived ? nil : .stored))
            if !hasArrived { #expect(try await house.bytes(of: old.id) == [9, 9]) }
        }
        #expect(house.filesOnDisk().count == (hasArrived ? 1 : 2))
        _ = try await house.uploads.store(new.id, path: "p", ifExists: .replace)
        #expect(try await house.bytes(house.uploads.openStored(path: "p")) == content)
        #expect(house.filesOnDisk() == ["p"])
        await house.close()
    }

    @Test("of many replaces at once one upload is left, with its bytes, and who was refused keeps theirs")
    func race() async throws {
        let house = try await House(overwrites: true)
        let uploads = house.uploads
        var received: [Upload] = []
        for index in 0..<24 {
            received.append(try await house.receive(Array(repeating: UInt8(index), count: index + 1)))
        }
        let candidates = received
        await withTaskGroup(of: Void.self) { group in
            for upload in candidates {
                group.addTask {
                    let kind = await failure { _ = try await uploads.store(upload.id, path: "p", ifExists: .replace) }
                    #expect(kind == nil || kind == .conflict)
                }
            }
        }
        var left = 0
        for (index, upload) in received.enumerated() {
            let bytes = Array(repeating: UInt8(index), count: index + 1)
            switch try await uploads.upload(upload.id)?.state {
            case .stored:
                left += 1
                #expect(try await house.bytes(uploads.openStored(path: "p")) == bytes)
            case .complete: #expect(try await house.bytes(of: upload.id) == bytes)
            case nil: break
            case let other?: Issue.record("\(other)")
            }
        }
        #expect(left == 1)
        #expect(house.directory.files(below: "media") == ["p"])
        await house.close()
    }

    @Test("a delete of the old upload and the replacing one end with the new file, or with the old one gone before it")
    func againstDelete() async throws {
        let house = try await House(overwrites: true)
        let uploads = house.uploads
        for round in 0..<40 {
            let path = "p\(round)"
            let old = try await house.receive([1])
            _ = try await uploads.store(old.id, path: path)
            let new = try await house.receive([2, 2])
            async let deletion = failure { _ = try await uploads.delete(old.id, keepFile: false) }
            async let replacing = failure { _ = try await uploads.store(new.id, path: path, ifExists: .replace) }
            let (deleted, replaced) = await (deletion, replacing)
            #expect([nil, .notFound, .unavailable].contains(deleted))
            #expect([nil, .conflict, .pathTaken].contains(replaced))
            #expect(try await house.bytes(of: new.id) == [2, 2])
            #expect(try await uploads.upload(old.id)?.state != .stored || replaced != nil)
            #expect(try await uploads.upload(new.id)?.state == (replaced == nil ? .stored : .complete))
        }
        await house.close()
    }
}
