import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

/// The plugin under test, loaded once as a host loads it.
let sftpStore: PluginLibrary = {
    do { return try PluginLibrary(named: "SFTPStore") } catch { fatalError("\(error)") }
}()

/// The working tree that the tests come from.
let repository: String = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

/// One server for all tests that do nothing to it.
let sharedServer: SSHServer = {
    do { return try SSHServer() } catch { fatalError("\(error)") }
}()

/// A store in a directory of its own.
struct Fixture {
    let server: SSHServer
    let directory: TemporaryDirectory
    let options: [String: String]
    let store: TestStore

    init(_ options: [String: String] = [:], on server: SSHServer = sharedServer) throws {
        self.server = server
        directory = try TemporaryDirectory()
        self.options = server.options(options, root: "\(directory.path)/root")
        mkdir("\(directory.path)/root", 0o755)
        store = try TestStore(sftpStore, self.options)
    }

    /// The store's root, as this machine sees it.
    var path: String { "\(directory.path)/root" }

    /// Every path below the root.
    func tree(withPrivate: Bool = false) -> [String] {
        directory.tree(withPrivate: true).compactMap { $0.hasPrefix("root/") ? String($0.dropFirst(5)) : nil }
            .filter { withPrivate || !($0 == ".fp" || $0.hasPrefix(".fp/")) }
    }

    /// What is staged, but for the proofs of commits.
    var staged: [String] {
        tree(withPrivate: true).filter { $0.hasPrefix(".fp/w/") && !$0.hasSuffix(".c") }
    }

    /// What a host and time clear away: sessions that no upload owns, and the rest once it is days old.
    func expectNoLitter(_ store: TestStore) throws {
        for entry in try store.all(pending: true) { try store.discard(entry.token) }
        for name in tree(withPrivate: true) where name.hasPrefix(".fp/") {
            let old = timeval(tv_sec: time(nil) - 3 * 86400, tv_usec: 0)
            utimes("\(path)/\(name)", [old, old])
        }
        _ = try store.all(pending: true)
        try waitUntil("what is left of \(tree(withPrivate: true)) goes") {
            tree(withPrivate: true).filter { $0.hasPrefix(".fp/") } == [".fp/w"]
        }
    }

    /// A second store on the same directory, as a second host would have it.
    func another(_ more: [String: String] = [:]) throws -> TestStore {
        try TestStore(sftpStore, options.merging(more) { _, given in given })
    }

    /// The same store in another process.
    func process(_ more: [String: String] = [:]) throws -> StoreProcess {
        try StoreProcess(plugin: "SFTPStore", options: options.merging(more) { _, given in given })
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
