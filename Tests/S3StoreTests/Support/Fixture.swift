import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// The plugin under test, loaded once as a host loads it.
let s3Store: PluginLibrary = {
    do { return try PluginLibrary(named: "S3Store") } catch { fatalError("\(error)") }
}()

/// All tests of the plugin, one after the other: most of them keep the server busy.
@Suite("S3Store", .serialized, .ownThreads)
enum S3StoreTests {}

/// What parts of the tests' uploads have.
let partSize = 5 << 20

/// A store in a corner of the bucket that is its own.
struct Fixture: StorePlace {
    let location: String
    let options: [String: String]
    let store: TestStore

    init(_ options: [String: String] = [:], server: S3Server = .seaweedfs, url: String? = nil) throws {
        location = "t/" + String(UInt64.random(in: .min ... .max), radix: 36)
        self.options = Self.options(url ?? server.url, location).merging(options) { _, given in given }
        store = try TestStore(s3Store, self.options)
    }

    static func options(_ url: String, _ location: String) -> [String: String] {
        [
            "bucket_name": "tests", "endpoint_url": url, "access_key": S3Server.accessKey,
            "secret_key": S3Server.secretKey, "region_name": "us-east-1", "auto_create_bucket": "true",
            "file_overwrite": "true",
            "location": location, "part_size": String(partSize), "read_timeout": "20000",
        ]
    }

    /// Objects are no files.
    var path: String { "" }
    func tree() -> [String] { [] }

    func another(_ more: [String: String]) throws -> TestStore {
        try TestStore(s3Store, options.merging(more) { _, given in given })
    }

    func process(_ more: [String: String]) throws -> StoreProcess {
        try StoreProcess(plugin: "S3Store", options: options.merging(more) { _, given in given })
    }

    func staged() throws -> [String] { try hiddenKeys() }

    /// The plugin's own objects, which it hides: those of a store whose location they are below.
    func hiddenKeys() throws -> [String] { try another(["location": location + "/.fp"]).keys() }
}

/// Tries again what fails in passing, as the host does. rclone's server answers 500 where it removes a directory that has
/// become empty just while something is put into it.
@discardableResult
func patiently<Value>(_ body: () throws -> Value) throws -> Value {
    for _ in 0..<4 {
        do { return try body() } catch let failure as Failure where failure.status == FP_E_TRANSIENT { usleep(20_000) }
    }
    return try body()
}
