import FPConfig
import Testing

/// Keys and values that no section has.
struct RefusalTests {
    @Test(arguments: [
        (
            "server: {max_size: 1}",
            #"2:10: unknown key "max_size" in "server"; did you mean "uploads.max_size" or "fetch.max_size"?"#
        ),
        ("server: {port: 80}", #"2:10: unknown key "port" in "server"; did you mean "listen"?"#),
        (
            "server: {timeouts: {hdr: 1s}}",
            #"2:21: unknown key "hdr" in "server.timeouts"; known here: header, idle, body_idle, write_idle, shutdown"#
        ),
        ("server: {basePath: /}", #"2:10: unknown key "basePath" in "server"; did you mean "base_path"?"#),
        (
            "server: {max-connections: 1}",
            #"2:10: unknown key "max-connections" in "server"; did you mean "max_connections"?"#
        ),
        ("database: x", #"2:1: unknown key "database" at the top level; did you mean "catalog"?"#),
        (
            "server: []",
            #"2:9: "server" must be a map with keys (listen, tls, base_path, demo, demo_assets, cors, timeouts, max_connections, max_connections_per_address, limits, rate, trusted_proxies, forwarded, proxy_protocol, load_by_path), not a list"#
        ),
        (
            "server: {timeouts: 5s}",
            #"2:20: "server.timeouts" must be a map with keys (header, idle, body_idle, write_idle, shutdown), not a single value"#
        ),
    ])
    func `an unknown key is told of with the key that was probably meant`(line: String, complaint: String) {
        #expect(complaints(oneStore + line) == ["fphost.yaml:\(complaint)"])
    }

    @Test(arguments: [
        (
            "listen: '8080'",
            #"18: "8080" in "server.listen" is not host:port, [v6]:port, :port or unix:/path; did you mean "127.0.0.1:8080" or ":8080"?"#
        ),
        ("listen: localhost", #"18: "localhost" in "server.listen" is not host:port, [v6]:port, :port or unix:/path"#),
        ("listen: 'a:99999'", #"18: "a:99999" in "server.listen" must end in a port from 0 to 65535"#),
        ("listen: 'a:+80'", #"18: "a:+80" in "server.listen" must end in a port from 0 to 65535"#),
        ("listen: 'a:'", #"18: "a:" in "server.listen" must end in a port from 0 to 65535"#),
        (
            "listen: '::1:80'",
            #"18: "::1:80" in "server.listen" has an IPv6 address without brackets; write [::1]:port"#
        ),
        ("listen: '[1.2.3.4]:80'", #"18: "[1.2.3.4]:80" in "server.listen" has no IPv6 address between its brackets"#),
        (
            "listen: '300.1.1.1:80'",
            #"18: "300.1.1.1:80" in "server.listen" has no valid host name or address before its port"#
        ),
        ("listen: '-a:80'", #"18: "-a:80" in "server.listen" has no valid host name or address before its port"#),
        ("listen: '*:80'", #"18: "*:80" in "server.listen" names every address; write :port for that"#),
        ("listen: []", #"18: "server.listen" is empty; name an address, such as 127.0.0.1:8080"#),
        ("listen: ['a:1', 'a:1']", #"18: "server.listen" names one address twice; remove one of them"#),
        (
            "listen: 'unix:/no/such/fp.sock'",
            #"18: "unix:/no/such/fp.sock" in "server.listen" needs the directory /no/such, which does not exist; create it"#
        ),
        (
            "base_path: /a//b",
            #"21: "server.base_path" must be a path without empty, "." or ".." segments, not "/a//b""#
        ),
        (
            "base_path: /a/../b",
            #"21: "server.base_path" must be a path without empty, "." or ".." segments, not "/a/../b""#
        ),
        (
            "base_path: '/a b'",
            #"21: "server.base_path" must be a path of letters, digits, -, ., _, ~ and /, such as /fp, not "/a b""#
        ),
        (
            "demo_assets: /no/such",
            #"23: "server.demo_assets" names /no/such, which is not a directory; create it, or write auto"#
        ),
        (
            "cors: {origins: ['*'], credentials: true}",
            #"46: "server.cors.credentials" cannot be true while "origins" is "*": every page on the web could act for its visitors; name the origins"#
        ),
        (
            "cors: {origins: ['*', 'https://a.org']}",
            #"26: "server.cors.origins" has "*" among others; write "*" alone, or the origins alone"#
        ),
        (
            "cors: {origins: app.example.org}",
            #"26: "app.example.org" in "server.cors.origins" is not an origin such as https://app.example.org"#
        ),
        (
            "cors: {origins: 'https://a.org/x'}",
            #"26: "https://a.org/x" in "server.cors.origins" has a path, which no origin has; did you mean "https://a.org"?"#
        ),
        (
            "cors: {origins: 'https://a.org/'}",
            #"26: "https://a.org/" in "server.cors.origins" has a path, which no origin has; did you mean "https://a.org"?"#
        ),
        (
            "cors: {origins: 'https://bücher.org'}",
            #"26: "https://bücher.org" in "server.cors.origins" is not an origin: a host, in ASCII, and perhaps a port follow the ://"#
        ),
        (
            "cors: {max_age: 1m}",
            #"26: "server.cors" has no "origins", so nothing of it applies; name the origins that may"#
        ),
        (
            "trusted_proxies: [10.0.0.1/8]",
            #"28: "10.0.0.1/8" in "server.trusted_proxies" has bits set beyond its prefix; did you mean "10.0.0.0/8"?"#
        ),
        (
            "trusted_proxies: [10.0.0.0/33]",
            #"28: "10.0.0.0/33" in "server.trusted_proxies" must have a number from 0 to 32 after the slash"#
        ),
        (
            "trusted_proxies: [proxy]",
            #"28: "proxy" in "server.trusted_proxies" is not an address or a block such as 10.0.0.0/8 or fd00::/8"#
        ),
        (
            "listen: 'https://:443'",
            #"18: "server.listen" has an address with https://, which needs "server.tls.certificate" and "server.tls.key"; name the two files"#
        ),
        (
            "tls: {certificate: a.pem}",
            #"29: "server.tls" needs "certificate" and "key"; name the other file too"#
        ),
        (
            "listen: [':443', 'https://:443'], tls: {certificate: a, key: b}",
            #"18: "server.listen" names one address twice; remove one of them"#
        ),
        (
            "listen: [systemd, 'systemd:web']",
            #"18: "server.listen" has systemd, the only socket that there is, beside another one; name each, as in systemd:NAME"#
        ),
        ("trusted_proxies: [[a]]", #"28: each value in "server.trusted_proxies" must be a text, not a list"#),
    ])
    func `an impossible value of the server is refused with what would be right`(line: String, complaint: String) {
        #expect(complaints("\(oneStore)server: {\(line)}") == ["fphost.yaml:2:\(complaint)"])
    }

    @Test(arguments: [
        (
            "fetch: {max_size: 30GiB}",
            #"2:19: "fetch.max_size" is 30GiB, more than "uploads.max_size" allows (20GiB); make it smaller, or the other larger"#
        ),
        (
            "fetch: {timeout: 5s, connect_timeout: 6s}",
            #"2:39: "fetch.connect_timeout" is 6s, more than "fetch.timeout" allows (5s); make it smaller, or the other larger"#
        ),
        (
            "fetch: {allow: [a_b]}",
            #"2:17: "a_b" in "fetch.allow" is not an address or a block such as 10.0.0.0/8 or fd00::/8"#
        ),
        (
            "fetch: {deny: [10.1.2.3/8]}",
            #"2:16: "10.1.2.3/8" in "fetch.deny" has bits set beyond its prefix; did you mean "10.0.0.0/8"?"#
        ),
        (
            "fetch: {hosts: ['*']}",
            #"2:17: "*" in "fetch.hosts" is not an address or a block such as 10.0.0.0/8 or fd00::/8"#
        ),
        (
            "fetch: {hosts: []}",
            #"2:16: "fetch.hosts" is empty, so that nothing could be fetched; name one, such as files.example.org, or set "fetch.enabled" to false"#
        ),
        (
            "fetch: {ports: []}",
            #"2:16: "fetch.ports" is empty, so that nothing could be fetched; name one, such as 443, or set "fetch.enabled" to false"#
        ),
        (
            "fetch: {ports: [https]}",
            #"2:17: "https" in "fetch.ports" is not a port from 1 to 65535 or a range such as 8000-8999"#
        ),
        (
            "fetch: {schemes: [ftp]}",
            #"2:19: "ftp" in "fetch.schemes" must be http or https"#
        ),
        (
            "catalog: ./data/secret.db",
            #"2:10: "catalog" must be a URL, such as sqlite:PATH; the value is not shown"#
        ),
        (
            "catalog: 'sqlite::memory:'",
            #"2:10: "catalog" must name a file after sqlite:, as in sqlite:./data/fphost.db or sqlite:/var/lib/x.db"#
        ),
        ("catalog: sqlite:/", #"2:10: "catalog" names /, which is a directory; name a file in it"#),
        ("catalog: 'sqlite:'", #"2:10: the path of "catalog" is empty; give a path, or leave the key out"#),
        (
            "catalog: sqlite:~/x",
            #"2:10: the path of "catalog" begins with ~, but the variable HOME is not set to an absolute path"#
        ),
        (
            "catalog: sqlite:~fp/x",
            #"2:10: the path of "catalog" begins with ~; only ~/ is expanded, so write the path out, or ./~ for a name"#
        ),
        (
            "uploads: {types: {allow: [image/*, exe]}}",
            #"2:36: "exe" in "uploads.types.allow" is no media type such as image/* or application/pdf, and no extension such as .exe"#
        ),
        (
            "uploads: {types: {forbid: .tar.gz}}",
            #"2:27: ".tar.gz" in "uploads.types.forbid" is no extension such as .exe: one dot, then letters, digits, _, - or +"#
        ),
        (
            "uploads: {types: {forbid: application/x-unheard-of}}",
            #"2:27: "application/x-unheard-of" in "uploads.types.forbid" is not a media type that is known here; name the extensions of such files instead"#
        ),
        (
            "uploads: {types: {allow: []}}",
            #"2:26: "uploads.types.allow" is empty; name media types or extensions, or leave the key out"#
        ),
        (
            "uploads: {field: fp_upload_field}",
            #"2:18: "uploads.field" cannot be fp_upload_field, in which requests name their field; choose another"#
        ),
        (
            "uploads: {field: ''}",
            #"2:18: "uploads.field" must be a field name of 1 to 128 bytes without quotes, such as filepond"#
        ),
        (
            "plugins: {directory: /no/such}",
            #"2:22: "plugins.directory" names /no/such, which is not a directory; create it, or write auto"#
        ),
    ])
    func `an impossible value or combination is refused with what would be right`(line: String, complaint: String) {
        #expect(complaints(oneStore + line) == ["fphost.yaml:\(complaint)"])
    }
}
