import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

/// A store behind a proxy.
struct Line {
    let fixture: Fixture
    let proxy: TCPProxy
    let store: TestStore

    init(_ options: [String: String] = [:], on server: SSHServer = sharedServer) throws {
        fixture = try Fixture(on: server)
        proxy = try TCPProxy(to: server.port)
        let host = try readFile("\(server.directory.path)/host.pub")
            .split(separator: " ").prefix(2).joined(separator: " ")
        try writeFile("\(fixture.directory.path)/known_hosts", "[127.0.0.1]:\(proxy.port) \(host)\n")
        store = try fixture.another(
            [
                "port": "\(proxy.port)", "known_host_file": "\(fixture.directory.path)/known_hosts",
            ].merging(options) { _, given in given })
    }

    func end() { proxy.stop() }
}

/// Uploads as a host does: after a failure it resumes, and asks what became of a commit.
struct Uploader {
    private let store: TestStore
    /// Bytes per call.
    var step = 100_000
    /// Calls between two syncs.
    var stepsPerSync = 3

    init(_ store: TestStore) { self.store = store }

    /// - Returns: how many calls failed.
    func upload(_ bytes: [UInt8], to key: String) throws -> Int {
        // However often it fails: a busy machine may leave the network broken for long.
        let deadline = monotonic() + 120_000_000_000
        var failures = 0
        var token: [UInt8] = []
        var safe: UInt64 = 0
        while true {
            var writer: TestWriter?
            do {
                if token.isEmpty {
                    writer = try store.begin(key, flags: FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)
                    token = writer?.token ?? []
                } else {
                    guard case .open(let resumed) = try store.resume(token) else { return failures }
                    #expect(resumed.offset >= safe)
                    writer = resumed
                }
                guard let writer else { throw Problem("no writer") }
                try pour(bytes, into: writer, &safe)
                try writer.commit()
                writer.close()
                return failures
            } catch let failure as Failure {
                #expect([FP_E_TRANSIENT, FP_E_TIMEOUT].contains(failure.status), "\(failure)")
                failures += 1
                writer?.close()
                guard monotonic() < deadline else { throw failure }
                // As a host does, and lest a server that refuses be asked a thousand times.
                usleep(5000)
            }
        }
    }

    private func pour(_ bytes: [UInt8], into writer: TestWriter, _ safe: inout UInt64) throws {
        var steps = 0
        while writer.offset < bytes.count {
            let end = min(bytes.count, Int(writer.offset) + step)
            try writer.write(Array(bytes[Int(writer.offset)..<end]))
            steps += 1
            guard steps % stepsPerSync == 0 else { continue }
            safe = try writer.sync()
            #expect(safe == writer.offset)
        }
    }
}
