import FPPluginAPI
import PluginTestKit
import Testing

/// The plugin under test, loaded once as a host loads it.
let localStore: PluginLibrary = {
    do { return try PluginLibrary(named: "LocalStore") } catch { fatalError("\(error)") }
}()

/// A store in a directory of its own.
struct Fixture {
    let directory: TemporaryDirectory
    let store: TestStore

    init(_ options: [String: String] = [:], in parent: String = "/tmp") throws {
        directory = try TemporaryDirectory(in: parent)
        store = try TestStore(localStore, options.merging(["location": directory.path]) { given, _ in given })
    }

    var path: String { directory.path }

    /// A second store on the same directory, as a second host would have it.
    func another(_ options: [String: String] = [:]) throws -> TestStore {
        try TestStore(localStore, options.merging(["location": path]) { given, _ in given })
    }

    /// The same store in another process.
    func process(_ options: [String: String] = [:]) throws -> StoreProcess {
        try StoreProcess(
            plugin: "LocalStore", options: options.merging(["location": path]) { given, _ in given })
    }
}

/// Expects `body` to fail with `status`, and returns the failure.
@discardableResult
func expectFailure<Value>(
    _ status: fp_status, _ location: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) -> Failure? {
    do {
        let value = try body()
        Issue.record("succeeded with \(value) where status \(status) was due", sourceLocation: location)
    } catch let failure as Failure {
        #expect(failure.status == status, "\(failure)", sourceLocation: location)
        #expect(!failure.message.isEmpty, "a failure without a message", sourceLocation: location)
        return failure
    } catch {
        Issue.record(error, sourceLocation: location)
    }
    return nil
}
