import FPConfig
import FPFormats
import Testing

/// What each section comes to.
struct SettingsTests {
    @Test func `a file that names one store and nothing else has every default`() throws {
        let settings = try load(oneStore)
        #expect(settings.server.listen == [.tcp(host: "127.0.0.1", port: 8080)])
        #expect(settings.server.basePath == "/fp")
        #expect(!settings.server.demo)
        #expect(settings.server.demoAssets == .automatic)
        #expect(settings.server.cors == nil)
        #expect(settings.server.timeouts.header == .seconds(30))
        #expect(settings.server.timeouts.idle == .seconds(75))
        #expect(settings.server.timeouts.bodyIdle == .seconds(60))
        #expect(settings.server.timeouts.writeIdle == .seconds(60))
        #expect(settings.server.maxConnectionsPerAddress == 0)
        #expect(settings.server.limits.head == 65536)
        #expect(settings.server.limits.minimumRate == 64)
        #expect(settings.server.rate.perAddress == 0)
        #expect(settings.server.rate.perOwner == 0)
        #expect(settings.server.rate.burst == 100)
        #expect(settings.server.timeouts.shutdown == .seconds(15))
        #expect(settings.server.maxConnections == 4096)
        #expect(settings.server.trustedProxies == [])
        #expect(settings.server.forwarded == .xForwarded)
        #expect(settings.server.proxyProtocol == [])
        #expect(settings.server.tls == nil)
        #expect(settings.server.loadByPath)
        #expect(settings.plugins.directory == .automatic)
        #expect(settings.storagesBackend == "media")
        #expect(settings.stores["media"]?.deadline == .seconds(60))
        #expect(settings.stores["media"]?.longDeadline == .seconds(600))
        #expect(settings.stores["media"]?.downloads == .proxy)
        #expect(settings.stores["media"]?.threads == nil)
        #expect(settings.stores["media"]?.queue == nil)
        #expect(settings.stores["media"]?.sha256 == nil)
        #expect(settings.uploads.staging == "media")
        #expect(settings.uploads.maxSize == 20 << 30)
        #expect(settings.uploads.expireAfter == .seconds(86_400))
        #expect(settings.uploads.durability == .process)
        #expect(settings.uploads.digest == .sha256)
        #expect(settings.uploads.maxMetadata == 64 << 10)
        #expect(settings.uploads.maxFiles == 32)
        #expect(settings.uploads.perOwner.bytes == nil)
        #expect(settings.uploads.perOwner.count == nil)
        #expect(settings.uploads.perOwner.inProgress == nil)
        #expect(settings.uploads.perAddress.inProgress == nil)
        #expect(settings.uploads.reserve == 0)
        #expect(settings.uploads.allowedTypes == [])
        #expect(settings.uploads.forbiddenTypes == [])
        #expect(settings.uploads.field == "filepond")
        #expect(settings.uploads.sweepEvery == .seconds(300))
        #expect(settings.catalog?.url == Secret("sqlite:/srv/fp/data/fphost.db"))
        #expect(settings.api.tokens == [])
        #expect(settings.fetch.enabled)
        #expect(settings.fetch.maxSize == 1 << 30)
        #expect(settings.fetch.timeout == .seconds(60))
        #expect(settings.fetch.connectTimeout == .seconds(10))
        #expect(settings.fetch.maxRedirects == 5)
        #expect(settings.fetch.minimumRate == 1024)
        #expect(settings.fetch.schemes == [.http, .https])
        #expect(settings.fetch.ports == nil)
        #expect(settings.fetch.hosts == nil)
        #expect(settings.fetch.deny == [])
        #expect(settings.fetch.allow == [])
        #expect(settings.fetch.concurrency == 16)
        #expect(settings.log == Settings.Log(level: .info, format: .text))
        #expect(settings.warnings == [])
    }

    @Test func `every key of the file reaches its setting`() throws {
        let scratch = try ScratchDirectory()
        try scratch.makeDirectory("assets")
        try scratch.makeDirectory("plugins")
        try scratch.write("libX.so", "x")
        let yaml = """
            server:
              listen: ["[::1]:0", ":81", "unix:fp.sock", localhost:65535, "https://:444", "systemd:web"]
              base_path: uploads/here/
              demo: true
              demo_assets: assets
              cors: {origins: ["https://A.example.org:443", "capacitor://localhost"], credentials: true, max_age: 1m}
              timeouts: {header: 1s, idle: 2s, body_idle: 3s, write_idle: 4s, shutdown: 0s}
              max_connections: 9
              max_connections_per_address: 2
              limits: {head: 8KiB, minimum_rate: 1KiB}
              rate: {per_address: 3, per_owner: 4, burst: 5}
              trusted_proxies: [10.0.0.0/8, "fd00::/8", 192.0.2.1, unix]
              forwarded: rfc7239
              proxy_protocol: [10.0.0.1]
              tls: {certificate: cert.pem, key: /etc/key.pem, http2: false}
              load_by_path: false
            plugins: {directory: ./plugins}
            storages_backend: b
            stores:
              a: {plugin: LocalStore}
              b:
                plugin: \(scratch.path)/libX.so
                options: {k: v}
                sha256: \(String(repeating: "Ab", count: 32))
                threads: 3
                queue: 4
                deadline: 5s
                long_deadline: 7s
                downloads: redirect
            uploads:
              staging: a
              max_size: 2GB
              expire_after: 7d
              durability: power
              digest: crc64nvme
              max_metadata: 2KiB
              max_files: 3
              per_owner: {bytes: 1GB, count: 7, in_progress: 2}
              per_address: {in_progress: 4}
              reserve: 5GiB
              types: {allow: [image/*, .CSV], forbid: text/html}
              field: picture
              sweep_every: 1h
            catalog: sqlite:/var/lib/fp.db
            api: {tokens: [file:./token, "0123456789abcdef+/==", env:TOKEN]}
            fetch:
              enabled: false
              max_size: 1GB
              timeout: 9s
              connect_timeout: 8s
              max_redirects: 0
              minimum_rate: 2KiB
              schemes: https
              ports: [443, 8000-8999]
              hosts: ["*.Example.org"]
              deny: [10.1.2.3]
              allow: [10.1.0.0/16, Files.Internal, "::1"]
              concurrency: 2
            log: {level: debug, format: json}
            """
        let token = "from-the-environment"
        let settings = try load(yaml, directory: scratch.path, environment: ["TOKEN": token])
        #expect(
            settings.server.listen == [
                .tcp(host: "::1", port: 0), .tcp(host: nil, port: 81), .unix(path: "\(scratch.path)/fp.sock"),
                .tcp(host: "localhost", port: 65535), .tls(host: nil, port: 444), .inherited(name: "web"),
            ]
        )
        #expect(settings.server.basePath == "/uploads/here")
        #expect(settings.server.demo)
        #expect(settings.server.demoAssets == .path("\(scratch.path)/assets"))
        #expect(settings.server.cors?.origins == .exactly(["https://a.example.org", "capacitor://localhost"]))
        #expect(settings.server.cors?.credentials == true)
        #expect(settings.server.cors?.maxAge == .seconds(60))
        #expect(settings.server.timeouts.header == .seconds(1))
        #expect(settings.server.timeouts.idle == .seconds(2))
        #expect(settings.server.timeouts.bodyIdle == .seconds(3))
        #expect(settings.server.timeouts.shutdown == .zero)
        #expect(settings.server.timeouts.writeIdle == .seconds(4))
        #expect(settings.server.maxConnectionsPerAddress == 2)
        #expect(settings.server.limits.head == 8192)
        #expect(settings.server.limits.minimumRate == 1024)
        #expect(settings.server.rate.perAddress == 3)
        #expect(settings.server.rate.perOwner == 4)
        #expect(settings.server.rate.burst == 5)
        #expect(settings.server.maxConnections == 9)
        #expect(
            settings.server.trustedProxies.map(\.description) == ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32", "unix"])
        #expect(settings.server.forwarded == .rfc7239)
        #expect(settings.server.proxyProtocol.map(\.description) == ["10.0.0.1/32"])
        #expect(settings.server.tls?.certificate == "\(scratch.path)/cert.pem")
        #expect(settings.server.tls?.key == "/etc/key.pem")
        #expect(settings.server.tls?.http2 == false)
        #expect(!settings.server.loadByPath)
        #expect(settings.plugins.directory == .path("\(scratch.path)/plugins"))
        #expect(settings.storagesBackend == "b")
        let store = try #require(settings.stores["b"])
        #expect(store.name == "b")
        #expect(store.position == ConfigPosition(file: "fphost.yaml", line: 21, column: 3))
        #expect(store.plugin == .path("\(scratch.path)/libX.so"))
        #expect(store.options["k"]?.position == ConfigPosition(file: "fphost.yaml", line: 23, column: 18))
        #expect(store.sha256 == String(repeating: "ab", count: 32))
        #expect(store.threads == 3)
        #expect(store.queue == 4)
        #expect(store.deadline == .seconds(5))
        #expect(store.longDeadline == .seconds(7))
        #expect(store.downloads == .redirect)
        #expect(settings.uploads.staging == "a")
        #expect(settings.uploads.maxSize == 2_000_000_000)
        #expect(settings.uploads.expireAfter == .seconds(604_800))
        #expect(settings.uploads.durability == .power)
        #expect(settings.uploads.digest == .crc64nvme)
        #expect(settings.uploads.maxMetadata == 2048)
        #expect(settings.uploads.maxFiles == 3)
        #expect(settings.uploads.perOwner.bytes == 1_000_000_000)
        #expect(settings.uploads.perOwner.count == 7)
        #expect(settings.uploads.perOwner.inProgress == 2)
        #expect(settings.uploads.perAddress.inProgress == 4)
        #expect(settings.uploads.reserve == 5 << 30)
        #expect(settings.uploads.allowedTypes == [.group("image"), .ending("csv")])
        #expect(settings.uploads.forbiddenTypes == [.type("text/html")])
        #expect(settings.uploads.field == "picture")
        #expect(settings.uploads.sweepEvery == .seconds(3600))
        #expect(settings.catalog?.url == Secret("sqlite:/var/lib/fp.db"))
        #expect(
            settings.api.tokens == [
                .file(path: "\(scratch.path)/token"), .value(Secret("0123456789abcdef+/==")), .value(Secret(token)),
            ]
        )
        #expect(!settings.fetch.enabled)
        #expect(settings.fetch.maxSize == 1_000_000_000)
        #expect(settings.fetch.timeout == .seconds(9))
        #expect(settings.fetch.connectTimeout == .seconds(8))
        #expect(settings.fetch.maxRedirects == 0)
        #expect(settings.fetch.minimumRate == 2048)
        #expect(settings.fetch.schemes == [.https])
        #expect(settings.fetch.ports == [PortRange(443...443), PortRange(8000...8999)])
        #expect(settings.fetch.hosts == [.subdomains("example.org")])
        #expect(settings.fetch.deny == [.addresses(try #require(AddressBlock("10.1.2.3")))])
        let block = try #require(AddressBlock("10.1.0.0/16"))
        let loopback = try #require(AddressBlock("::1"))
        #expect(settings.fetch.allow == [.addresses(block), .name("files.internal"), .addresses(loopback)])
        #expect(settings.fetch.concurrency == 2)
        #expect(settings.log == Settings.Log(level: .debug, format: .json))
    }

    @Test func `a key may be written with dots, and counts as given twice if it is nested as well`() throws {
        #expect(try load("\(oneStore)log.level: debug\nlog: {format: json}").log == .init(level: .debug, format: .json))
        #expect(
            complaints("\(oneStore)log.level: debug\nlog: {level: info}") == [
                #"fphost.yaml:3:7: duplicate key "log.level": line 2 has it already, keep one of them"#
            ]
        )
    }

    @Test func `a default gives way to a limit that the file sets below it`() throws {
        let settings = try load("\(oneStore)uploads: {max_size: 5MB}\nfetch: {timeout: 2s}")
        #expect(settings.fetch.maxSize == 5_000_000)
        #expect(settings.fetch.connectTimeout == .seconds(2))
    }

    @Test func `the root path stays a slash`() throws {
        #expect(try load("\(oneStore)server: {base_path: /}").server.basePath == "/")
    }

    @Test func `every origin may be allowed, without credentials`() throws {
        #expect(try load("\(oneStore)server: {cors: {origins: '*'}}").server.cors?.origins == .any)
    }

    @Test func `a catalog's URL with a host is taken as it is and never shown`() throws {
        let settings = try load("\(oneStore)catalog: env:DB", environment: ["DB": "postgresql://u:hunter2@h/db"])
        #expect(settings.catalog?.url == Secret("postgresql://u:hunter2@h/db"))
        #expect(!"\(settings)".contains("hunter2"))
        #expect(settings.effective.first { $0.key == "catalog" }?.text == "postgresql://***")
    }

    @Test func `the value of every key can be found with its place, for complaints that come later`() throws {
        let settings = try load("\(oneStore)uploads:\n  max_files: 3\n")
        #expect(settings.position(of: "uploads.max_files").description == "fphost.yaml:3:14")
        #expect(settings.position(of: "uploads").description == "fphost.yaml:3:14")
        #expect(settings.position(of: "upload").description == "fphost.yaml")
        #expect(settings.position(of: "stores.media.plugin").description == "fphost.yaml:1:26")
        #expect(settings.position(of: "catalog").description == "fphost.yaml")
    }
}
