import FPPluginAPI
import Glibc
import PluginTestKit
import Testing

@Suite("SFTPStore: trust")
struct TrustTests {
    private func fingerprint(_ name: String, of server: SSHServer = sharedServer) -> String {
        let words = runTool(["ssh-keygen", "-lf", "\(server.directory.path)/\(name).pub"]).output.split(separator: " ")
        return words.count > 1 ? String(words[1]) : ""
    }

    private func hosts(_ text: String) throws -> (directory: TemporaryDirectory, path: String) {
        let directory = try TemporaryDirectory()
        try writeFile("\(directory.path)/known_hosts", text)
        return (directory, "\(directory.path)/known_hosts")
    }

    @Test("A server that is not known is refused, with its fingerprint")
    func unknown() throws {
        let (directory, path) = try hosts("")
        let fixture = try Fixture(["known_host_file": path])
        let failure = expectFailure(FP_E_AUTH) { try fixture.store.health() }
        #expect(failure?.message.contains(fingerprint("host")) == true)
        #expect(failure?.message.contains(path) == true)
        #expect(try readFile(path) == "")
        _ = directory
    }

    @Test("A server with another key than the known one is refused, with both fingerprints")
    func changed() throws {
        let other = try readFile("\(sharedServer.directory.path)/other.pub").split(separator: " ").prefix(2)
            .joined(separator: " ")
        let (directory, path) = try hosts("[127.0.0.1]:\(sharedServer.port) \(other)\n")
        for accept in ["true", "false"] {
            let fixture = try Fixture(["known_host_file": path, "accept_new": accept])
            let failure = expectFailure(FP_E_AUTH) { try fixture.store.health() }
            #expect(failure?.message.contains(fingerprint("host")) == true)
            #expect(failure?.message.contains(fingerprint("other")) == true)
        }
        _ = directory
    }

    @Test("A new server is believed only on request, and only once")
    func acceptNew() throws {
        let (directory, path) = try hosts("")
        let fixture = try Fixture(["known_host_file": path, "accept_new": "true", "max_connections": "4"])
        let store = fixture.store
        onThreads(4) { index in _ = try? store.put("k\(index)", [1]) }
        #expect(try fixture.store.keys().count == 4)
        let lines = try readFile(path).split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains("[127.0.0.1]:\(sharedServer.port)"))
        let strict = try fixture.another(["accept_new": "false"])
        #expect(try strict.keys().count == 4)
        _ = directory
    }

    @Test("A hashed name in the file of known hosts is found")
    func hashed() throws {
        let (directory, path) = try hosts(try readFile("\(sharedServer.directory.path)/known_hosts"))
        #expect(runTool(["ssh-keygen", "-H", "-f", path]).status == 0)
        #expect(try readFile(path).hasPrefix("|1|"))
        let fixture = try Fixture(["known_host_file": path])
        #expect(try fixture.store.health().state == FP_HEALTH_OK)
        _ = directory
    }

    @Test("A pinned fingerprint is enough, and the only one that counts")
    func pinned() throws {
        let right = try Fixture(["host_key": fingerprint("host"), "known_host_file": "/nonexistent"])
        #expect(try right.store.health().state == FP_HEALTH_OK)
        let either = try Fixture(["host_key": "\(fingerprint("other")), \(fingerprint("host"))"])
        #expect(try either.store.health().state == FP_HEALTH_OK)
        let wrong = try Fixture(["host_key": fingerprint("other")])
        let failure = expectFailure(FP_E_AUTH) { try wrong.store.health() }
        #expect(failure?.message.contains(fingerprint("host")) == true)
        #expect(failure?.message.contains(fingerprint("other")) == true)
    }

    @Test("Algorithms can be limited, and what does not meet is an error")
    func algorithms() throws {
        for cipher in ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"] {
            let fixture = try Fixture(["ciphers": cipher])
            try fixture.store.put("k", Pattern.bytes(100_000))
            #expect(try fixture.store.get("k") == Pattern.bytes(100_000))
        }
        let server = try SSHServer(["Ciphers aes128-ctr"])
        let fixture = try Fixture(["ciphers": "aes256-gcm@openssh.com"], on: server)
        expectFailure(FP_E_TRANSIENT) { try fixture.store.health() }
        let nonsense = try Fixture(["ciphers": "rot13"])
        #expect(expectFailure(FP_E_CONFIG) { try nonsense.store.health() }?.message.contains("ciphers") == true)
    }
}
