import Logging
import Testing

@testable import FPUploads

@Suite("Reserve of free space")
struct StagingSpaceTests {
    @Test("of a hundred that come at once only as many are let in as there is room for")
    func racing() async throws {
        let house = try await MemoryHouse()
        house.control[.health, .free] = 1000
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let space = StagingSpace(house.staging, reserve: 300, freshness: .seconds(3600), logger: logger)
        let calls = house.control[.health, .calls]
        let outcomes = await withTaskGroup(of: UploadError.Kind?.self) { group in
            for _ in 0..<100 { group.addTask { await failure { try await space.admit(100) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == nil }.count == 7)
        #expect(outcomes.filter { $0 == .noSpace }.count == 93)
        #expect(house.control[.health, .calls] == calls + 1)
        await house.close()
    }

    @Test("the store is asked again once its answer is old, and what it says then holds")
    func old() async throws {
        let house = try await MemoryHouse()
        house.control[.health, .free] = 1000
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let space = StagingSpace(house.staging, reserve: 300, freshness: .zero, logger: logger)
        try await space.admit(600)
        house.control[.health, .free] = 400
        #expect(await failure { try await space.admit(101) } == .noSpace)
        try await space.admit(100)
        house.control[.health, .free] = 1000
        try await space.admit(700)
        await house.close()
    }
}
