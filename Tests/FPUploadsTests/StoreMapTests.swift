import FPStorage
import Testing

@testable import FPUploads

@Suite("Which stores can serve")
struct StoreMapTests {
    /// What a map is refused for; `nil` if it is not.
    private func refusal(_ stores: [Store], staging: String, default: String) -> String? {
        do throws(StoreMapError) {
            _ = try StoreMap(stores, staging: staging, default: `default`)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test("a store that cannot hold temporary uploads is refused with what its plugin says of its own options")
    func cannotStage() async throws {
        let house = try await MemoryHouse(withoutInMedia: .rewind)
        let stores = [house.staging, house.media]
        #expect(refusal(stores, staging: "staging", default: "media") == nil)
        let refused = try #require(refusal(stores, staging: "media", default: "media"))
        #expect(refused.contains("its plugin Memory does not offer resumable writes"))
        #expect(refused.contains("caps: Capabilities to declare. Temporary uploads (uploads.staging) need RESUMABLE"))
        #expect(!refused.contains("concurrency"), "only of those that bear on it")
        await house.close()
    }

    @Test("a name that no store has is refused")
    func unknown() async throws {
        let house = try await MemoryHouse()
        #expect(refusal([house.staging], staging: "staging", default: "far")?.contains("no store \"far\"") == true)
        #expect(refusal([house.staging], staging: "far", default: "staging")?.contains("no store \"far\"") == true)
        await house.close()
    }
}
