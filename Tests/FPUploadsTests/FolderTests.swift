import FPCatalog
import FPStorage
import Foundation
import Support
import Testing

@testable import FPUploads

@Suite("The directories that a client had a file in")
struct FolderTests {
    private func receive(_ name: String, metadata: String?, in house: House) async throws -> Upload {
        let reception = house.uploads.beginReception()
        try await reception.beginFile(name: name, declaredType: nil)
        try await reception.endFile()
        return try await reception.finish(metadata: metadata)
    }

    @Test(
        "they are read from the metadata, with the upload's own name behind them",
        arguments: [
            ("{\"relativePath\": \"/holiday/2025/b.jpg\"}", "holiday/2025/a.jpg"),
            ("{\"webkitRelativePath\": \"holiday/a.jpg\"}", "holiday/a.jpg"),
            ("{\"relativePath\": \"\", \"webkitRelativePath\": \"x/a.jpg\"}", "x/a.jpg"),
            ("{\"relativePath\": \"a.jpg\"}", nil), ("{\"relativePath\": \"\"}", nil),
            ("{\"relativePath\": null}", nil),
            ("{\"relativePath\": \"../x/a.jpg\"}", nil), ("{\"relativePath\": [\"x/a.jpg\"]}", nil),
            ("{\"meta\": {\"relativePath\": \"x/a.jpg\"}}", nil), ("[]", nil), ("\"x/a.jpg\"", nil), (nil, nil),
        ] as [(String?, String?)])
    func read(metadata: String?, expected: String?) async throws {
        let house = try await House()
        let upload = try await receive("a.jpg", metadata: metadata, in: house)
        #expect(upload.relativePath == expected)
        #expect(try await house.uploads.upload(upload.id)?.relativePath == expected)
        await house.close()
    }

    @Test("the directories of a file are kept below the path, and the same request again finds it there")
    func kept() async throws {
        let house = try await House()
        for (path, expected) in [("albums/", "albums/été/a.jpg"), ("/", "été/a.jpg")] {
            let upload = try await receive(
                "a.jpg", metadata: "{\"relativePath\": \"/e\u{0301}te\u{0301}/a.jpg\"}", in: house)
            for _ in 0..<2 {
                let stored = try await house.uploads.store(upload.id, path: path, keepsFolders: true)
                #expect(stored.files[0].path == expected)
            }
            #expect(await failure { _ = try await house.uploads.store(upload.id, path: path) } == .conflict)
        }
        let second = try await receive("a.jpg", metadata: "{\"relativePath\": \"été/a.jpg\"}", in: house)
        let stored = try await house.uploads.store(second.id, path: "albums/", keepsFolders: true, ifExists: .rename)
        #expect(stored.files[0].path == "albums/été/a_2.jpg")
        await house.close()
    }

    @Test(
        "directories that cannot be used leave the bare name",
        arguments: [".fp/a.jpg", "../a.jpg", "x//a.jpg", String(repeating: "d/", count: 600) + "a.jpg"])
    func bare(relative: String) async throws {
        let house = try await House()
        let upload = try await receive("a.jpg", metadata: "{\"relativePath\": \"\(relative)\"}", in: house)
        let stored = try await house.uploads.store(upload.id, path: "/", keepsFolders: true)
        #expect(stored.files[0].path == "a.jpg")
        await house.close()
    }

    @Test("they are kept below a directory only")
    func noDirectory() async throws {
        let house = try await House()
        let upload = try await receive("a.jpg", metadata: "{\"relativePath\": \"x/a.jpg\"}", in: house)
        #expect(
            await failure { _ = try await house.uploads.store(upload.id, path: "b.jpg", keepsFolders: true) }
                == .invalid)
        #expect(try await house.uploads.upload(upload.id)?.state == .complete)
        await house.close()
    }
}
