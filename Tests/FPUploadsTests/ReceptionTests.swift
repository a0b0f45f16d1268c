import Support
import Testing

@testable import FPUploads

@Suite("Receiving whole files")
struct ReceptionTests {
    @Test(
        "a file of any size arrives with its name, type and bytes",
        arguments: [0, 1, 262_143, 262_144, 262_145, 3_000_000])
    func sizes(size: Int) async throws {
        let house = try await House()
        var random = SeededGenerator()
        let content = random.bytes(size)
        let upload = try await house.receive(content, name: "dir/na\u{7}me.txt")
        #expect(upload.state == .complete)
        #expect(upload.files[0].name == "name.txt")
        #expect(upload.files[0].size == UInt64(size))
        #expect(upload.files[0].contentType == "text/plain")
        #expect(try await house.bytes(of: upload.id) == content)
        await house.close()
    }

    @Test("an upload keeps its main file first and every variant")
    func variants() async throws {
        let house = try await House()
        let reception = house.uploads.beginReception()
        for index in 0..<3 {
            try await reception.beginFile(name: "v\(index).png", declaredType: "image/png")
            try await reception.write([.init(bytes: [UInt8(index)])])
            try await reception.endFile()
        }
        let upload = try await reception.finish(metadata: "{}")
        #expect(upload.files.map(\.name) == ["v0.png", "v1.png", "v2.png"])
        for index in 0..<3 {
            let content = try await house.uploads.openTemporary(upload.id, file: index)
            #expect(try await house.bytes(content) == [UInt8(index)])
        }
        #expect(await failure { _ = try await house.uploads.openTemporary(upload.id, file: 3) } == .notFound)
        await house.close()
    }

    @Test("an abandoned reception leaves nothing", arguments: [10, 1_000_000])
    func abandoned(size: Int) async throws {
        let house = try await House()
        for endsFile in [false, true] {
            let reception = house.uploads.beginReception()
            try await reception.beginFile(name: "a", declaredType: nil)
            try await reception.write([.init(repeating: 1, count: size)])
            if endsFile { try await reception.endFile() }
            await reception.abandon()
        }
        #expect(house.filesOnDisk() == [])
        #expect(try await house.uploads.uploads(matching: UploadQuery()).uploads.isEmpty)
        await house.close()
    }

    @Test("a reception that is only dropped leaves nothing either")
    func dropped() async throws {
        let house = try await House()
        do {
            let reception = house.uploads.beginReception()
            try await reception.beginFile(name: "a", declaredType: nil)
            try await reception.write([.init(repeating: 1, count: 1000)])
            try await reception.endFile()
        }
        _ = try await waitFor("the bytes to go", within: .seconds(10)) { house.filesOnDisk().isEmpty ? true : nil }
        await house.close()
    }

    @Test("more bytes or files than allowed are refused")
    func limits() async throws {
        var settings = UploadSettings()
        settings.maxSize = 1000
        settings.maxFiles = 2
        let house = try await House(settings: settings)
        let large = house.uploads.beginReception()
        try await large.beginFile(name: "a", declaredType: nil)
        #expect(await failure { try await large.write([.init(repeating: 1, count: 1001)]) } == .tooLarge)
        await large.abandon()
        let many = house.uploads.beginReception()
        for _ in 0..<2 {
            try await many.beginFile(name: "a", declaredType: nil)
            try await many.endFile()
        }
        #expect(await failure { try await many.beginFile(name: "a", declaredType: nil) } == .tooLarge)
        await many.abandon()
        #expect(await failure { _ = try await house.uploads.beginReception().finish(metadata: nil) } == .invalid)
        #expect(house.filesOnDisk() == [])
        await house.close()
    }
}
