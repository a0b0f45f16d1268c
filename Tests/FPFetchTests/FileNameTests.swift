import FPFetch
import Testing

@Suite struct FileNameTests {
    @Test(
        "The name comes from Content-Disposition as RFC 6266 says, sanitised",
        arguments: [
            (#"attachment; filename="a b.txt""#, "a b.txt"), (#"attachment; filename=a.txt"#, "a.txt"),
            (#"inline; filename="a b.txt"; size=3"#, "a b.txt"), (#"ATTACHMENT; FILENAME="A.txt""#, "A.txt"),
            (#"attachment; filename = "a.txt""#, "a.txt"), (#"attachment;filename="a;b.txt""#, "a;b.txt"),
            (#"attachment; filename="a\"b.txt""#, "a\"b.txt"), (#"attachment; filename="a\\b.txt""#, "b.txt"),
            (#"filename=a.txt"#, "a.txt"), (#"filename="a.txt""#, "a.txt"),
            (#"attachment; filename=my file.txt; x=y"#, "my file.txt"),
            (#"attachment; filename="open.txt"#, "open.txt"),
            (#"attachment; filename="f.txt"; filename*=UTF-8''%E6%97%A5.txt"#, "日.txt"),
            (#"attachment; filename*=UTF-8''%E6%97%A5.txt; filename="f.txt""#, "日.txt"),
            (#"attachment; filename*=utf-8'en'%e2%82%ac.txt"#, "€.txt"),
            (#"attachment; filename*=iso-8859-1''%e9.txt"#, "é.txt"),
            (#"attachment; filename*="UTF-8''quoted.txt""#, "quoted.txt"),
            (#"attachment; filename="f.txt"; filename*=UTF-8''%ff"#, "f.txt"),
            (#"attachment; filename="f.txt"; filename*=koi8-r''%c1"#, "f.txt"),
            (#"attachment; filename="f.txt"; filename*=nonsense"#, "f.txt"),
            (#"attachment; filename="f.txt"; filename*="#, "f.txt"),
            (#"attachment; filename="first.txt"; filename="second.txt""#, "first.txt"),
            (#"attachment; x="; filename=no.txt"; filename=yes.txt"#, "yes.txt"),
            (#"attachment; filename="100%.txt""#, "100%.txt"), (#"attachment; filename="%41.txt""#, "%41.txt"),
            (#"attachment; filename="né.txt""#, "né.txt"), (#"attachment; filename="../../etc/passwd""#, "passwd"),
            (#"attachment; filename="/etc/passwd""#, "passwd"), (#"attachment; filename="C:\\x\\y.txt""#, "y.txt"),
            (#"attachment; filename*=UTF-8''..%2f..%2fx.txt"#, "x.txt"),
            (#"attachment; filename*=UTF-8''a%00b%0d%0a.txt"#, "ab.txt"),
            (#"attachment; filename*=UTF-8''gpj.%E2%80%AEexe"#, "gpj.exe"),
            (#"attachment; filename="  a.txt  ""#, "a.txt"),
            (#"attachment; filename=".htaccess""#, ".htaccess"),
            // What leaves nothing falls back to the URL.
            (#"attachment; filename="..""#, "url.bin"), (#"attachment; filename=".""#, "url.bin"),
            (#"attachment; filename="""#, "url.bin"), (#"attachment; filename="a/""#, "url.bin"),
            (#"attachment; filename=" ""#, "url.bin"), (#"attachment"#, "url.bin"), (#";;;=;="#, "url.bin"),
            (#"attachment; filename"#, "url.bin"), (#"attachment; xfilename=a.txt"#, "url.bin"),
        ]
    )
    func disposition(field: String, expected: String) async throws {
        let server = RawServer(ok("x", "Content-Disposition: \(field)"))
        let (response, _) = try await makeFetcher().fetch(server.url("/url.bin"))
        #expect(response.fileName == expected)
    }

    @Test("A name in Latin-1 is read, and a folded field is one field")
    func oldForms() async throws {
        let latin1 = RawServer { connection in
            connection.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Disposition: x; filename=\"".utf8) + [0xe9]
                    + Array(".txt\"\r\n\r\n".utf8)
            )
        }
        let fetcher = try makeFetcher()
        #expect(try await fetcher.fetch(latin1.url()).0.fileName == "é.txt")
        let folded = RawServer(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Disposition: x;\r\n filename=a.txt\r\n\r\n")
        #expect(try await fetcher.fetch(folded.url()).0.fileName == "a.txt")
    }

    @Test(
        "Without Content-Disposition the name is the last segment of the path, decoded",
        arguments: [
            ("/a/b.txt", "b.txt"), ("/a/b.txt?x=/y.bin", "b.txt"), ("/a%20b%C3%A9.txt", "a bé.txt"),
            ("/%E9.txt", "é.txt"),
            ("/", nil), ("", nil), ("/a/", nil), ("/x%2fy.txt", "y.txt"), ("/x%5cy.txt", "y.txt"), ("/%2e%2e", nil),
            ("/%00", nil), ("/100%.txt", "100%.txt"), ("/a;b=c.txt", "a;b=c.txt"), ("/..%2f..%2fetc", "etc"),
        ] as [(String, String?)]
    )
    func segment(path: String, expected: String?) async throws {
        let server = RawServer(ok("x"))
        #expect(try await makeFetcher().fetch(server.url(path)).0.fileName == expected)
    }

    @Test("After redirects the name is that of the last URL")
    func redirected() async throws {
        let server = RawServer(ok("x"))
        let first = RawServer(redirect(to: server.url("/real.bin")))
        #expect(try await makeFetcher().fetch(first.url("/short")).0.fileName == "real.bin")
    }

    @Test("A long name is cut to 255 bytes between characters, its extension kept")
    func long() async throws {
        let fetcher = try makeFetcher()
        for stem in [
            String(repeating: "x", count: 400), String(repeating: "日", count: 200),
            "q" + String(repeating: "\u{316}", count: 300),
        ] {
            let server = RawServer(ok("x", "Content-Disposition: x; filename=\"\(stem).jpeg\""))
            let name = try #require(try await fetcher.fetch(server.url()).0.fileName)
            #expect((250...255).contains(name.utf8.count))
            #expect(name.hasSuffix(".jpeg"))
            #expect(stem.unicodeScalars.starts(with: name.unicodeScalars.dropLast(5)))
        }
        let server = RawServer(ok("x", "Content-Disposition: x; filename=\"a.\(String(repeating: "y", count: 400))\""))
        #expect(try await fetcher.fetch(server.url()).0.fileName?.utf8.count == 255)
    }
}
