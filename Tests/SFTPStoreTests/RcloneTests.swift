import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

/// rclone's SFTP server: another implementation, which may write out of order and has no hard links.
private final class RcloneServer {
    let directory: TemporaryDirectory
    private let guardian: Guardian
    private let port: UInt16

    init() throws {
        let program = repository + "/.venv/bin/rclone"
        guard access(program, X_OK) == 0 else { throw Problem("rclone is not installed; run `make test-unit`") }
        directory = try TemporaryDirectory()
        let path = directory.path
        port = freePort()
        try makeServerKeys(in: path, port: port)
        mkdir("\(path)/files", 0o755)
        guardian = try Guardian(
            [
                program, "serve", "sftp", "\(path)/files", "--config", "/dev/null", "--addr", "127.0.0.1:\(port)",
                "--key", "\(path)/host", "--authorized-keys", "\(path)/user.pub", "--vfs-cache-mode", "full",
                "--vfs-write-back", "0s", "--cache-dir", "\(path)/cache",
            ], log: "\(path)/log")
        try waitForPort(port)
    }

    func store(_ more: [String: String] = [:]) throws -> TestStore { try TestStore(sftpStore, options(more)) }

    func options(_ more: [String: String] = [:]) -> [String: String] {
        [
            "host": "127.0.0.1", "port": "\(port)", "username": "anybody", "key_file": "\(directory.path)/user",
            "known_host_file": "\(directory.path)/known_hosts", "root_path": "root",
        ].merging(more) { _, given in given }
    }
}

@Suite("SFTPStore: rclone's server")
struct RcloneTests {
    @Test("What the server cannot do is not promised, and the rest works")
    func roundTrip() throws {
        let server = try RcloneServer()
        let store = try server.store()
        #expect(try store.health(deep: true).state == FP_HEALTH_OK)
        #expect(store.caps.flags & (FP_CAP_ATOMIC_CREATE | FP_CAP_COPY | FP_CAP_POWER_DURABLE) == 0)
        #expect(store.caps.flags & FP_CAP_REWIND != 0)
        let bytes = Pattern.bytes(2_000_000)
        try store.put("a/b", bytes, flags: FP_W_RESUMABLE)
        #expect(try store.get("a/b") == bytes)
        #expect(try store.open("a/b", offset: 1_999_990).rest() == Array(bytes[1_999_990...]))
        expectFailure(FP_E_EXISTS) { try store.put("a/b", [1]) }
        expectFailure(FP_E_UNSUPPORTED) { try store.copy("a/b", to: "c") }
        #expect(try store.keys() == ["a/b"])
        _ = try store.copy("a/b", to: "c", flags: FP_COPY_MOVE)
        #expect(try store.get("c") == bytes)
        try store.remove("c")
        #expect(try store.keys() == [])
    }

    @Test("A session goes on at what was synced, though the server may write out of order")
    func sessions() throws {
        let server = try RcloneServer()
        let store = try server.store()
        let bytes = Pattern.bytes(500_000)
        let writer = try store.begin("k", flags: FP_W_RESUMABLE)
        let token = writer.token
        try writer.write(Array(bytes[..<200_000]))
        #expect(try writer.sync() == 200_000)
        try writer.write(Array(bytes[200_000..<300_000]))
        writer.close()
        let second = try #require(try store.resume(token).writer)
        #expect(second.offset == 200_000)
        try second.write([UInt8](repeating: 9, count: 50_000))
        try second.sync()
        second.close()
        let third = try #require(try store.resume(token, at: 100_000).writer)
        try third.write(Array(bytes[100_000...]))
        try third.commit()
        third.close()
        #expect(try store.get("k") == bytes)
        #expect(try store.resume(token).writer == nil)
        #expect(try store.all(pending: true) == [])
    }

    @Test("A killed process loses nothing that was synced")
    func killed() throws {
        let server = try RcloneServer()
        let driver = try StoreProcess(plugin: "SFTPStore", options: server.options())
        let begun = try driver.run("begin d/k \(FP_W_RESUMABLE)")
        try driver.run("write 300000 5")
        #expect(try driver.run("sync 0") == .ok(["300000"]))
        try driver.send("pour 70000 5")
        for _ in 0..<5 { _ = try driver.answer() }
        driver.kill()
        let store = try server.store()
        let writer = try #require(try store.resume(begun.token).writer)
        #expect(writer.offset == 300_000)
        try writer.commit()
        #expect(try store.get("d/k") == Pattern.bytes(300_000, seed: 5))
    }
}
