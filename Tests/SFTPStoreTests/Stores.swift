import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest

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
struct Fixture: StorePlace {
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

    var path: String { "\(directory.path)/root" }

    func tree() -> [String] { everything.filter { !($0 == ".fp" || $0.hasPrefix(".fp/")) } }

    /// Every path below the root, with what is the plugin's own.
    var everything: [String] {
        directory.tree(withPrivate: true).compactMap { $0.hasPrefix("root/") ? String($0.dropFirst(5)) : nil }
    }

    /// Without the proofs of commits.
    func staged() -> [String] { everything.filter { $0.hasPrefix(".fp/w/") && !$0.hasSuffix(".c") } }

    /// What is not a session goes once it is days old.
    func expectNoLitter() throws {
        for entry in try store.all(pending: true) { try store.discard(entry.token) }
        for name in everything where name.hasPrefix(".fp/") {
            let old = timeval(tv_sec: time(nil) - 3 * 86400, tv_usec: 0)
            utimes("\(path)/\(name)", [old, old])
        }
        _ = try store.all(pending: true)
        try waitUntil("what is left of \(everything) goes") {
            everything.filter { $0.hasPrefix(".fp/") } == [".fp/w"]
        }
    }

    func another(_ more: [String: String]) throws -> TestStore {
        try TestStore(sftpStore, options.merging(more) { _, given in given })
    }

    func process(_ more: [String: String]) throws -> StoreProcess {
        try StoreProcess(plugin: "SFTPStore", options: options.merging(more) { _, given in given })
    }
}
