import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
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

    /// What the file of known hosts says, and what becomes of a call.
    private func status(_ text: String, _ more: [String: String] = [:]) throws -> Failure? {
        let (directory, path) = try hosts(text)
        defer { _ = directory }
        let fixture = try Fixture(["known_host_file": path].merging(more) { $1 })
        guard let refusal = failure(of: { _ = try fixture.store.health() }) else { return nil }
        #expect(refusal.status == FP_E_AUTH, "\(refusal)")
        #expect(try readFile(path) == text, "the file was changed")
        return refusal
    }

    /// The server's host key, or another one, as a line has it.
    private func key(_ name: String = "host") throws -> String {
        try readFile("\(sharedServer.directory.path)/\(name).pub").split(separator: " ").prefix(2).joined(
            separator: " ")
    }

    @Test("A revoked key is refused, wherever the line stands and whatever else says that it is right")
    func revoked() throws {
        let name = "[127.0.0.1]:\(sharedServer.port)"
        let plain = "\(name) \(try key())"
        for names in [name, "*", "127.0.0.1", "127.*", "[127.0.0.?]:*", "other,\(name)", "!other,\(name)"] {
            let line = "@revoked \(names) \(try key())"
            for text in ["\(plain)\n\(line)\n", "\(line)\n\(plain)\n", "  \(line) by whom\n", "\(plain)\n\(line)"] {
                for accept in ["true", "false"] {
                    let failure = try status(text, ["accept_new": accept])
                    #expect(failure?.message.contains("revokes (@revoked)") == true, "\(text): \(failure as Any)")
                    #expect(failure?.message.contains(fingerprint("host")) == true)
                }
            }
        }
        // Also where it is pinned, and where the name is hashed.
        let pinned = try status("@revoked * \(try key())\n", ["host_key": fingerprint("host")])
        #expect(pinned?.message.contains("line 1") == true)
        let (directory, path) = try hosts("\(plain)\n")
        #expect(runTool(["ssh-keygen", "-H", "-f", path]).status == 0)
        let hashed = try status("\(plain)\n# and\n\n@revoked \(try readFile(path))")
        #expect(hashed?.message.contains("line 4") == true)
        _ = directory
        // Another key's, and another host's, are no matter.
        #expect(try status("@revoked * \(try key("other"))\n\(plain)\n") == nil)
        #expect(try status("@revoked example.org,!\(name),127.0.0.2 \(try key())\n\(plain)\n") == nil)
    }

    @Test("What a line says that is not understood is no reason to believe a key, and is said")
    func unclear() throws {
        let name = "[127.0.0.1]:\(sharedServer.port)"
        let key = try key()
        for accept in ["true", "false"] {
            func failure(_ text: String) throws -> String {
                try status(text, ["accept_new": accept])?.message ?? "believed"
            }
            let authority = try failure("@cert-authority * \(key)\n")
            #expect(authority.contains("line 1") && authority.contains("@cert-authority"), "\(authority)")
            #expect(authority.contains("certificates of servers are not understood"))
            for marker in ["@trusted", "@revoked @cert-authority", "@cert-authority @revoked", "@"] {
                let message = try failure("\(marker) \(name) \(key)\n")
                #expect(message.contains("marker that is not understood"), "\(message)")
            }
            let words = key.split(separator: " ")
            for broken in [
                "\(words[0]) \(words[1].dropLast(9))", "ssh-rsa \(words[1])", "1024 35 12345", "\(words[0])",
            ] {
                #expect(try failure("\(name) \(broken)\n").contains("cannot be read"))
                let plain = "\(name) \(key)\n"
                #expect(
                    try failure("\(plain)@revoked \(name) \(broken)\n").contains("revokes a key that cannot be read"))
            }
        }
        // Where the server's own key is known as well, an authority does no harm.
        #expect(try status("@cert-authority * \(try self.key("other"))\n\(name) \(key)\n") == nil)
        let unreadable = try Fixture(["known_host_file": sharedServer.directory.path])
        let failure = expectFailure(FP_E_AUTH) { try unreadable.store.health() }
        #expect(failure?.message.contains("cannot be checked: \(sharedServer.directory.path)") == true)
    }

    @Test("A line names a server as OpenSSH says: by patterns, in either case, but not if it excludes it")
    func patterns() throws {
        let name = "[127.0.0.1]:\(sharedServer.port)"
        for names in ["*", name, "a,\(name),b", "!a,*", "[127.0.0.1]:*", "[127.?.0.1]:\(sharedServer.port)", "**1**"] {
            #expect(try status("\(names)\t\(try key()) comment\r\n") == nil, "\(names)")
        }
        for names in ["!\(name),*", "*,!\(name)", "127.0.0.1", "[127.0.0.1]:\(sharedServer.port)0", "?", "a", "!a"] {
            #expect(try status("\(names) \(try key())\n")?.message.contains("is unknown") == true, "\(names)")
        }
        let path = "\(sharedServer.directory.path)/known_hosts"
        let (directory, upper) = try hosts(try readFile(path).replacing("[127.0.0.1]", with: "[LocalHost]"))
        let fixture = try Fixture(["known_host_file": upper, "host": "LOCALHOST"])
        #expect(try fixture.store.health().state == FP_HEALTH_OK)
        _ = directory
    }

    @Test("All files that OpenSSH reads count, each for what it says")
    func files() throws {
        let home = try TemporaryDirectory()
        mkdir("\(home.path)/.ssh", 0o700)
        var options = sharedServer.options(root: "/tmp")
        options["known_host_file"] = nil
        func status() throws -> Int32 {
            let driver = try StoreProcess(plugin: "SFTPStore", options: options, environment: ["HOME=\(home.path)"])
            return try driver.run("stat surely-absent").status
        }
        #expect(try status() == FP_E_AUTH)
        let plain = try readFile("\(sharedServer.directory.path)/known_hosts")
        try writeFile("\(home.path)/.ssh/known_hosts2", plain)
        #expect(try status() == FP_E_NOT_FOUND)
        try writeFile("\(home.path)/.ssh/known_hosts", "@revoked * \(try key())\n")
        #expect(try status() == FP_E_AUTH)
        try writeFile("\(home.path)/.ssh/known_hosts", plain)
        #expect(try status() == FP_E_NOT_FOUND)
        try writeFile("\(home.path)/.ssh/known_hosts2", "@revoked * \(try key())\n")
        #expect(try status() == FP_E_AUTH)
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
