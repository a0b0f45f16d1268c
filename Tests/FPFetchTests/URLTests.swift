import Testing

@testable import FPFetch

@Suite struct URLTests {
    // RFC 3986 section 5.4, without the rows whose result is not http.
    @Test(
        "A Location is resolved as RFC 3986 says",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"), ("/g", "http://a/g"),
            ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"), ("g#s", "http://a/b/c/g"), ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("g;x?y#s", "http://a/b/c/g;x?y"),
            ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
            ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../", "http://a/"),
            ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"),
            ("/./g", "http://a/g"), ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"),
            ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
            ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/./x", "http://a/b/c/g?y/./x"), ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http://h/i/../j", "http://h/j"), ("HTTPS://H:8/i", "https://h:8/i"), ("//h:81/x", "http://h:81/x"),
            ("http://h", "http://h/"), ("http://h?x", "http://h/?x"), ("a//b/../../c", "http://a/b/c/a/c"),
        ]
    )
    func resolution(location: String, expected: String) throws {
        let base = try RemoteURL("http://a/b/c/d;p?q")
        #expect(try base.resolving(Array(location.utf8)).description == expected)
    }

    @Test(
        "What is not an http URL without credentials is refused",
        arguments: [
            "", " ", "x", "/x", "//h/x", "htt://h/", "ftp://h/x", "file:///etc/passwd", "gopher://h/", "http:",
            "http:/h",
            "http:h", "http://", "http:///x", "http://:80/", "http://u@h/", "http://u:p@h/", "http://@h/",
            "http://good.example\\@evil.example/", "http://h:0/", "http://h:65536/", "http://h:x/", "http://h:80:80/",
            "http://h:-1/", "http://h: 80/", "http://a b/", "http://a..b/", "http://.a/", "http://a%2eb/",
            "http://%6cocalhost/", "http://[::1/", "http://[::1]x/", "http://[1.2.3.4]/", "http://[fe80::1%25eth0]/",
            "http://[fe80::1%eth0]/", "http://[v1.a]/", "http://[]/", "http://1.2.3.4.5/", "http://256.1.1.1/",
            "http://1.2.3.0x/", "http://4294967296/", "http://a/\u{0}", "http://a/\r\nHost: b", "http://a/\t.bin",
            "http://a\u{2100}b/", "http://a\\b/", "http://a\"b/", "http://\(String(repeating: "a", count: 64)).b/",
            "http://a/" + String(repeating: "x", count: 8200), "javascript:alert(1)", "data:,x", "http//h/",
        ]
    )
    func refused(text: String) {
        #expect(throws: RemoteURL.Invalid.self) { try RemoteURL(text) }
    }

    @Test(
        "A URL is brought into one form",
        arguments: [
            ("http://h", "http://h/"), (" http://h/ \n", "http://h/"),
            ("HTTP://EXAMPLE.com:80/A", "http://example.com:80/A"),
            ("http://h:/x", "http://h/x"), ("http://h./x", "http://h./x"), ("http://h/a b", "http://h/a%20b"),
            ("http://h/é?é", "http://h/%C3%A9?%C3%A9"), ("http://h/100%", "http://h/100%"),
            ("http://h/%zz%20", "http://h/%zz%20"), ("http://h/x#frag?y", "http://h/x"),
            ("http://h/a/../../b", "http://h/b"), ("http://h/a\\b", "http://h/a%5Cb"),
            ("http://h?a=[1]", "http://h/?a=[1]"),
            ("http://a_b.c/", "http://a_b.c/"), ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
            ("http://BÜcher.example/x", "http://xn--bcher-kva.example/x"),
            ("http://例え.テスト/", "http://xn--r8jz45g.xn--zckzah/"),
            ("http://１２７.0.0.1/", "http://127.0.0.1/"), ("http://a。b/", "http://a.b/"),
            ("http://2130706433/", "http://127.0.0.1/"), ("http://0x7f000001/", "http://127.0.0.1/"),
            ("http://0177.0.0.01/", "http://127.0.0.1/"), ("http://127.1/", "http://127.0.0.1/"),
            ("http://0x7f.0.1/", "http://127.0.0.1/"), ("http://127.0.0.1./", "http://127.0.0.1/"),
            ("http://017700000001/", "http://127.0.0.1/"), ("http://0/", "http://0.0.0.0/"),
            ("http://[::ffff:7f00:1]/", "http://127.0.0.1/"), ("http://[0:0::0:1]:8/", "http://[::1]:8/"),
        ]
    )
    func normalized(text: String, expected: String) throws {
        #expect(try RemoteURL(text).description == expected)
    }

    @Test("A name in a Location that is not UTF-8 is sent on as the bytes that it is")
    func locationBytes() throws {
        let url = try RemoteURL("http://a/")
        #expect(try url.resolving([0x2f, 0xe9]).description == "http://a/%E9")
        #expect(throws: RemoteURL.Invalid.self) { try url.resolving(Array("//".utf8) + [0xe9, 0x2f]) }
    }

    @Test("No sequence of bytes makes a URL that has anything but one http authority and printable ASCII")
    func randomBytes() {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of randomBytes: \(seed)")
        var generator = Seeded(seed)
        let pieces = [
            "http", "https", ":", "//", "/", "\\", "@", "?", "#", "[", "]", "%", "..", ".", "a", "127.1", "é", "\r\n",
            " ", "\u{0}", "::1", "80",
        ]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0..<10, using: &generator)
            let text = "http://" + (0..<count).map { _ in pieces.randomElement(using: &generator)! }.joined()
            guard let url = try? RemoteURL(text) else { continue }
            let spelled = url.description
            #expect(spelled.utf8.allSatisfy { (0x21..<0x7f).contains($0) }, "\(text.debugDescription)")
            #expect(!spelled.contains("@") || spelled.firstIndex(of: "@")! > spelled.dropFirst(8).firstIndex(of: "/")!)
            #expect((try? RemoteURL(spelled)) == url, "\(text.debugDescription)")
        }
    }
}
