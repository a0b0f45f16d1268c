import FPCatalog
import FPStorage
import NIOCore
import Support
import Testing

@testable import FPUploads

/// What `uploads.durability` asks of the stores.
@Suite("Durability")
struct DurabilityTests {
    private static let content = (0..<100).map { UInt8($0) }

    private func append(_ house: MemoryHouse, _ id: UploadID, _ range: Range<Int>) async throws -> Upload {
        let chunk = Chunk(
            offset: UInt64(range.lowerBound), bodyLength: UInt64(range.count), uploadLength: 100, name: "a")
        return try await house.uploads.append(id, chunk, body: TestBody(Array(Self.content[range])))
    }

    @Test("what is acknowledged was to survive a loss of power wherever that is promised", arguments: [false, true])
    func power(isPromised: Bool) async throws {
        var settings = UploadSettings()
        settings.isPowerDurable = isPromised
        let house = try await MemoryHouse(settings: settings)
        func expect(_ operation: PluginControl.Operation, _ count: Int, in control: PluginControl, _ what: String) {
            #expect(control[operation, .power] == (isPromised ? count : 0), "\(what)")
        }
        // The mark of the catalog is the first to be committed.
        let form = try await house.receive(Self.content)
        expect(.writeCommit, 2, in: house.control, "a small form")
        _ = try await house.receive([UInt8](repeating: 1, count: 600_000))
        expect(.writeCommit, 3, in: house.control, "a large form")
        let chunked = try await house.uploads.create(length: 100, metadata: nil)
        _ = try await append(house, chunked.id, 0..<60)
        expect(.writeSync, 1, in: house.control, "a chunk")
        #expect(try await append(house, chunked.id, 60..<100).state == .complete)
        expect(.writeCommit, 4, in: house.control, "the last chunk")
        #expect(try await house.uploads.store(form.id, path: "moved").state == .stored)
        expect(.transfer, 1, in: house.mediaControl, "a move or copy to another store")
        #expect(try await house.uploads.store(chunked.id, path: "here", in: "staging").state == .stored)
        expect(.copy, 1, in: house.control, "a move within a store")
        await house.close()
    }

    @Test("a copy and a stream to another store are to survive a loss of power as well", arguments: [false, true])
    func withoutMoves(isPromised: Bool) async throws {
        var settings = UploadSettings()
        settings.isPowerDurable = isPromised
        for missing in [.move, [.move, .copy]] as [StoreCapabilities] {
            let house = try await MemoryHouse(settings: settings, withoutInMedia: missing)
            let upload = try await house.receive(Self.content)
            #expect(try await house.uploads.store(upload.id, path: "a").state == .stored)
            let asked = [PluginControl.Operation.copy, .transfer, .writeCommit].map { house.mediaControl[$0, .power] }
            #expect(asked.reduce(0, +) == (isPromised ? 1 : 0), "\(missing): \(asked)")
            #expect(try await house.bytes(of: upload.id) == Self.content)
            await house.close()
        }
    }
}
