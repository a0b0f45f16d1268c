import FPAccess
import Foundation
import Support
import Testing

@Suite struct PasswordFileTests {
    private let directory: TemporaryDirectory
    private let path: String

    private static let bcrypt = "$2y$04$abcdefghijklmnopqrstuuinwY/tkBVrn3xrxQI/TgnMHhkvl85RW"
    private static let sha512 =
        "$6$saltsalt$g3uPFdehVnKoLXdidvSAg1zlVgYomPr0X/xgdXSBn2LuxZUOGgYW4IULZkguZ77fzYteIur49AGHmF9iek6Sf1"
    private static let yescrypt = "$y$j75$saltsaltsaltsalt$m33IfZu6q0blcjiAuxCfVV93W0Rh8oj6N/1vVmvsRf7"

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.url.appendingPathComponent("htpasswd").path
    }

    private func examine(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try BasicAuthenticator.examine(path)
    }

    @Test func `comments, empty lines, ends of lines of either kind and a third field do no harm`() throws {
        try examine("# users\r\n\nann:\(Self.bcrypt)\r\nben:\(Self.sha512):Ben\n  cat:\(Self.yescrypt)")
        try examine("")
    }

    @Test(arguments: [
        ("ann:sesame", "plain text"), ("ann:", "plain text"), ("ann:rqXexS6ZhobKA", "DES"),
        ("ann:$apr1$abcdefgh$abcdefghijklmnopqrstuv", "MD5"), ("ann:$1$abcdefgh$abcdefghijklmnopqrstuv", "MD5"),
        ("ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "SHA-1"), ("ann:$5$salt$hash", "not known"),
        ("ann:$2x$04$abcdefghijklmnopqrstuu", "not known"), ("ann:$2y$04$short", "no whole bcrypt"),
        ("ann:\(bcrypt)x", "no whole bcrypt"), ("ann:$2y$15$" + bcrypt.dropFirst(7), "cost of 15"),
        ("ann:$2y$99$" + bcrypt.dropFirst(7), "no whole bcrypt"), ("ann:\(sha512)x", "no whole SHA-512"),
        ("ann:$6$rounds=9999999$" + sha512.dropFirst(3), "9999999 rounds"),
        ("ann:$6$rounds=1$" + sha512.dropFirst(3), "no whole SHA-512"),
        ("ann:$y$jFT$" + yescrypt.dropFirst(7), "64 MiB"), ("ann:\(yescrypt)x", "no whole yescrypt"),
        ("ann", "no user's"), (":\(bcrypt)", "no user's"),
        (String(repeating: "x", count: 256) + ":\(bcrypt)", "no user's"),
    ])
    func `a password that is not kept well is refused with its line and what to do`(_ line: String, _ words: String)
        throws
    {
        let error = try #require(throws: AccessFileError.self) { try examine("# users\n\(line)\n") }
        #expect(error.description.contains(words), "\(error)")
        #expect(error.description.contains("\(path), line 2,"), "\(error)")
        #expect(error.description.contains("htpasswd -B"), "\(error)")
        #expect(!error.description.contains("sesame") && !error.description.contains("$"), "\(error)")
    }

    @Test func `one name twice, a file that is not there and one that anybody may change are refused`() throws {
        let two = try #require(throws: AccessFileError.self) {
            try examine("ann:\(Self.bcrypt)\nann:\(Self.sha512)\n")
        }
        #expect(two.description.contains("line 2"))
        // These two only look alike.
        try examine("Zo\u{eb}:\(Self.bcrypt)\nZoe\u{308}:\(Self.bcrypt)\n")
        chmod(path, 0o666)
        #expect(throws: AccessFileError.self) { try BasicAuthenticator.examine(path) }
        let gone = try #require(throws: AccessFileError.self) { try BasicAuthenticator.examine(path + ".no") }
        #expect(gone.description.contains("does not exist"))
    }
}
