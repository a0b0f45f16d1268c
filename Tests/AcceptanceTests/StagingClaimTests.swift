import Foundation
import Support
import Testing

@Suite("Two hosts on one staging store")
struct StagingClaimTests {
    private func configuration(catalog: String) -> String {
        HostProcess.plainConfiguration.replacingOccurrences(of: "fphost.db", with: catalog)
    }

    @Test("the second host refuses to start and says how to claim; after the claim the store is its own")
    func claim() async throws {
        let directory = try TemporaryDirectory()
        let first = try await HostProcess(configuration: configuration(catalog: "one.db"), in: directory)
        do {
            _ = try await HostProcess(configuration: configuration(catalog: "two.db"), in: directory)
            Issue.record("two hosts share a staging store")
        } catch {
            let text = "\(error)"
            #expect(text.contains("fphost.yaml:"))
            #expect(text.contains("fphost stores claim staging"))
            #expect(text.contains("/data/one.db"))
        }
        try await first.stop()
        let file = ["--config", directory.url.appendingPathComponent("fphost.yaml").path]
        let list = try await HostProcess.run(["stores"] + file, in: directory)
        #expect(list.status == 0, "\(list.errors)")
        #expect(list.output.contains("staging\tLocalStore\tstaging, of the catalog at"))
        let wrong = try await HostProcess.run(["stores", "claim", "nowhere"] + file, in: directory)
        #expect(wrong.status == 78)
        #expect(wrong.errors.contains("there is no store \"nowhere\""))
        let claim = try await HostProcess.run(["stores", "claim"] + file, in: directory)
        #expect(claim.status == 0, "\(claim.errors)")
        #expect(claim.output.contains("is this catalog's now"))
        let second = try await HostProcess(configuration: configuration(catalog: "two.db"), in: directory)
        #expect(try await second.client.send("GET", "/readyz").status == 200)
        let busy = try await HostProcess.run(["stores", "claim"] + file, in: directory)
        #expect(busy.status == 78)
        #expect(busy.errors.contains("Stop that one first"), "\(busy.errors)")
        try await second.stop()
        await #expect(throws: (any Error).self) {
            _ = try await HostProcess(configuration: configuration(catalog: "one.db"), in: directory)
        }
    }
}
