import FPPluginAPI
import Glibc
import PluginTestKit
import StoreUnderTest
import Testing

@Suite("SFTPStore: logging in")
struct LoginTests {
    @Test("A key that the server does not know is refused, and the message says which")
    func refusedKey() throws {
        let path = "\(sharedServer.directory.path)/other"
        let fixture = try Fixture(["key_file": path])
        let failure = expectFailure(FP_E_AUTH) { try fixture.store.health() }
        #expect(failure?.message.contains(path) == true)
        #expect(failure?.message.contains("password is not offered") == true)
    }

    @Test("A key may be encrypted; a wrong or missing passphrase is told apart")
    func passphrases() throws {
        let directory = try TemporaryDirectory()
        for (name, type) in [
            ("new", ["-t", "ed25519"]), ("pem", ["-t", "ecdsa", "-m", "PEM"]), ("rsa", ["-t", "rsa"]),
        ] {
            let path = "\(directory.path)/\(name)"
            try makeKey(path, type, passphrase: "correct horse")
            let server = try SSHServer()
            try writeFile("\(server.directory.path)/authorized", try readFile("\(path).pub"))
            let right = try Fixture(["key_file": path, "passphrase": "correct horse"], on: server)
            #expect(try right.store.health().state == FP_HEALTH_OK)
            let wrong = try Fixture(["key_file": path, "passphrase": "battery staple"], on: server)
            let failure = expectFailure(FP_E_AUTH) { try wrong.store.health() }
            #expect(failure?.message.contains("passphrase is wrong") == true)
            #expect(failure?.message.contains("battery staple") == false)
            let missing = try Fixture(["key_file": path], on: server)
            #expect(expectFailure(FP_E_AUTH) { try missing.store.health() }?.message.contains("`passphrase`") == true)
        }
    }

    @Test("A key may be given as it is, without a file")
    func keyText() throws {
        var options = sharedServer.options(root: "")
        options["private_key"] = try readFile(options.removeValue(forKey: "key_file") ?? "")
        #expect(try TestStore(sftpStore, options).health().state == FP_HEALTH_OK)
        options["private_key"] = "nonsense"
        let failure = expectFailure(FP_E_AUTH) { try TestStore(sftpStore, options).health() }
        #expect(failure?.message.contains("`private_key`") == true)
        #expect(failure?.message.contains("nonsense") == false)
    }

    @Test("A key file that is missing or no key is an error that names it")
    func badKeyFiles() throws {
        let fixture = try Fixture(["key_file": "/nonexistent/key"])
        let missing = expectFailure(FP_E_AUTH) { try fixture.store.health() }
        #expect(missing?.message.contains("/nonexistent/key cannot be read") == true)
        let wrong = try fixture.another(["key_file": "/etc/hostname"])
        #expect(expectFailure(FP_E_AUTH) { try wrong.health() }?.message.contains("no private key") == true)
    }

    @Test("A certificate lets a key in that is not listed itself")
    func certificates() throws {
        let directory = try TemporaryDirectory()
        try makeKey("\(directory.path)/ca")
        let server = try SSHServer(["TrustedUserCAKeys \(directory.path)/ca.pub"])
        let key = "\(server.directory.path)/other"
        let plain = try Fixture(["key_file": key], on: server)
        expectFailure(FP_E_AUTH) { try plain.store.health() }
        #expect(
            runTool(["ssh-keygen", "-q", "-s", "\(directory.path)/ca", "-I", "tests", "-n", userName, "\(key).pub"])
                .status == 0)
        let certified = try plain.another(["certificate_file": "\(key)-cert.pub"])
        #expect(try certified.health().state == FP_HEALTH_OK)
        let foreign = try plain.another(["certificate_file": "\(server.directory.path)/user.pub"])
        #expect(expectFailure(FP_E_AUTH) { try foreign.health() }?.message.contains("certificate") == true)
    }

    @Test("An agent is asked only if it may be")
    func agent() throws {
        let directory = try TemporaryDirectory()
        let socket = "\(directory.path)/agent"
        let agent = try Guardian(["ssh-agent", "-D", "-a", socket], log: "\(directory.path)/log")
        try waitUntil("the agent is there") { access(socket, F_OK) == 0 }
        #expect(
            runTool(["env", "SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", "\(sharedServer.directory.path)/user"]).status
                == 0)
        let other = "\(sharedServer.directory.path)/other"
        let fixture = try Fixture(["key_file": other, "agent_socket": socket])
        expectFailure(FP_E_AUTH) { try fixture.store.health() }
        let allowed = try fixture.another(["allow_agent": "true"])
        #expect(try allowed.health().state == FP_HEALTH_OK)
        _ = agent
    }

    @Test(
        "A password lets in, as it is, at prompts and as a second proof",
        arguments: [
            "password", "interactive", "publickey,password", "publickey,interactive", "password,interactive",
        ])
    func passwords(methods: String) throws {
        let server = try OtherServer(methods)
        let proofs = methods.hasPrefix("publickey") ? ["key_file": "\(server.directory.path)/user"] : [:]
        let store = try server.store(proofs.merging(["password": OtherServer.password]) { $1 })
        try store.put("k", Pattern.bytes(100_000))
        #expect(try store.get("k") == Pattern.bytes(100_000))

        let wrong = try server.store(proofs.merging(["password": "guess work"]) { $1 })
        let refusal = expectFailure(FP_E_AUTH) { try wrong.health() }
        #expect(refusal?.message.contains("refused") == true)
        #expect(refusal?.message.contains("guess work") == false)

        let half = try server.store(proofs.merging(["allow_agent": "false"]) { $1 })
        #expect(expectFailure(FP_E_AUTH) { try half.health() }?.message.contains("`password` is not set") == true)
    }

    @Test("A store goes through another server if it has to")
    func jump() throws {
        let middle = try SSHServer()
        let known = try readFile("\(middle.directory.path)/known_hosts")
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/known_hosts"
        try writeFile(path, known + (try readFile("\(sharedServer.directory.path)/known_hosts")))
        let fixture = try Fixture([
            "proxy_jump": "\(userName)@127.0.0.1:\(middle.port)", "known_host_file": path,
            "proxy_key_file": "\(middle.directory.path)/user",
        ])
        let bytes = Pattern.bytes(3_000_000)
        try fixture.store.put("k", bytes)
        #expect(try fixture.store.get("k") == bytes)
        let stranger = try fixture.another(["known_host_file": "\(sharedServer.directory.path)/known_hosts"])
        #expect(expectFailure(FP_E_AUTH) { try stranger.health() }?.message.contains("\(middle.port)") == true)
        middle.stop()
        expectFailure(FP_E_TRANSIENT) { try fixture.store.stat("k") }
        try middle.start()
        #expect(try fixture.store.stat("k").size == 3_000_000)
    }

    @Test("A server that takes no more connections still serves those that it has")
    func limits() throws {
        let server = try SSHServer(["MaxSessions 0"])
        let none = try Fixture(on: server)
        #expect(expectFailure(FP_E_TRANSIENT) { try none.store.health() }?.message.contains("MaxSessions") == true)
        let fixture = try Fixture(["max_connections": "4"])
        let proxy = TCPProxy(to: sharedServer.port)
        defer { proxy.stop() }
        let host = try readFile("\(sharedServer.directory.path)/host.pub").split(separator: " ").prefix(2)
        try writeFile("\(fixture.directory.path)/hosts", "[127.0.0.1]:\(proxy.port) \(host.joined(separator: " "))\n")
        let store = try fixture.another([
            "port": "\(proxy.port)", "known_host_file": "\(fixture.directory.path)/hosts",
        ])
        _ = try store.health()
        proxy.set { $0.refuses = true }
        let writers = try (0..<4).map { try store.begin("k\($0)") }
        for writer in writers {
            try writer.write([1, 2, 3])
            try writer.commit()
        }
        #expect(try store.keys().count == 4)
    }

    @Test("Options that cannot work together are refused before anything is tried")
    func validation() throws {
        let base = sharedServer.options(root: "")
        func refuse(_ more: [String: String], _ word: String) throws {
            let failure = expectFailure(FP_E_CONFIG) {
                try TestStore.validate(sftpStore, base.merging(more) { _, given in given })
            }
            #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")")
        }
        try TestStore.validate(sftpStore, base)
        try refuse(["uid": "1000"], "`gid`")
        try refuse(["file_mode": "0999"], "octal")
        try refuse(["host_key": "MD5:12"], "SHA256")
        try refuse(["auth_methods": "telepathy"], "telepathy")
        try refuse(["auth_methods": "agent"], "no way to log in")
        try refuse(["proxy_jump": "a:b:c@"], "user@host:22")
        try refuse(["port": "70000"], "65535")
        try refuse(["host_key": "SHA256:" + String(repeating: "a", count: 43), "accept_new": "true"], "`accept_new`")
    }
}
