import FPStorage
import Testing

@Suite struct `A plugin's options` {
    @Test func `the plugin gets the tree as it is, and its own checks count`() async throws {
        let test = try await TestStore(options: [.map([.integer(12, key: "number")], key: "group")])
        #expect(test.store.name == "test")
        let error = try await #require(throws: StoreError.self) {
            try await TestStore(options: [.map([.integer(13, key: "number")], key: "group")])
        }
        #expect(error.code == .config)
        #expect(error.message == "group.number must not be 13")
    }
}
