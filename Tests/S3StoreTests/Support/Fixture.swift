import FPPluginAPI
import Glibc
import PluginTestKit
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
struct Fixture {
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

    /// A second store on the same objects, as a second host would have it.
    func another(_ more: [String: String] = [:]) throws -> TestStore {
        try TestStore(s3Store, options.merging(more) { _, given in given })
    }

    /// The same store in another process.
    func process() throws -> StoreProcess { try StoreProcess(plugin: "S3Store", options: options) }

    /// The plugin's own objects, which it hides: those of a store whose location they are below.
    func hiddenKeys() throws -> [String] { try another(["location": location + "/.fp"]).keys() }
}

/// Bytes that differ from place to place, made fast enough for a debug build.
func payload(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count + 8) { buffer, made in
        var word = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        let memory = UnsafeMutableRawBufferPointer(buffer)
        var place = 0
        while place < count {
            word ^= word << 13
            word ^= word >> 7
            word ^= word << 17
            memory.storeBytes(of: word, toByteOffset: place, as: UInt64.self)
            place += 8
        }
        made = count
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
        #expect(!failure.message.contains(S3Server.secretKey), "a secret in a message", sourceLocation: location)
        return failure
    } catch {
        Issue.record(error, sourceLocation: location)
    }
    return nil
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

/// Waits until `condition` holds, for at most half a minute.
func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
    let end = ContinuousClock.now + .seconds(30)
    while try !condition() {
        guard ContinuousClock.now < end else { throw Problem("in vain: \(what)") }
        usleep(20_000)
    }
}

/// Expects the same bytes, without printing megabytes when they differ.
func expectSame(_ left: [UInt8], _ right: [UInt8], _ location: SourceLocation = #_sourceLocation) {
    guard left != right else { return }
    let place = zip(left, right).enumerated().first { $0.element.0 != $0.element.1 }?.offset
    Issue.record(
        "\(left.count) bytes instead of \(right.count), first different at \(place ?? min(left.count, right.count))",
        sourceLocation: location)
}
