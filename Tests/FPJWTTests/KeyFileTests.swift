import FPFormats
import FPJWT
import Foundation
import JWTKit
import Testing

@Suite("Keys from files")
struct KeyFileTests {
    private let old = ES256PrivateKey()
    private let new = ES256PrivateKey()
    private let clock = TestClock()
    private let log = LogLines()

    @Test("a file that is replaced is read within a second, and tokens of the keys that it had are no good any more")
    func replaced() async throws {
        for isPEM in [true, false] {
            let text = { (key: ES256PrivateKey) in isPEM ? key.publicKey.pemRepresentation : keySet((key, nil)) }
            let file = try TextFile(text(old))
            let keeper = try authenticator(clock: clock, log: log) { settings in
                if isPEM { settings.publicKeyFile = file.path } else { settings.keySetFile = file.path }
            }
            let (ofOld, ofNew) = (try await Signer(old).token(), try await Signer(new).token())
            #expect(await keeper.answer(ofOld) == "alice")
            #expect(await keeper.answer(ofNew).contains("not signed"))
            try file.write(text(new))
            clock.advance(by: 1)
            #expect(await keeper.answer(ofOld).contains("not signed"))
            #expect(await keeper.answer(ofNew) == "alice")
        }
    }

    @Test("a file that becomes bad, or goes, leaves the last good keys in force, and is complained of once")
    func bad() async throws {
        let file = try TextFile(keySet((old, nil)))
        let keeper = try authenticator(clock: clock, log: log) { $0.keySetFile = file.path }
        try file.write("{\"keys\":")
        for owner in ["a", "b", "c"] {
            clock.advance(by: 1)
            #expect(await keeper.answer(try await Signer(old).token(Claims.of("", owner: owner))) == owner)
        }
        #expect(log.all.count == 1 && log.all[0].contains("The keys that it had before stay in force."), "\(log.all)")
        try file.remove()
        clock.advance(by: 1)
        #expect(await keeper.answer(try await Signer(old).token(Claims.of("", owner: "d"))) == "d")
        #expect(log.all.count == 2)
        try file.write(keySet((new, nil)))
        clock.advance(by: 1)
        #expect(await keeper.answer(try await Signer(new).token()) == "alice")
    }

    @Test("keys that cannot be used are refused at the start, with the path and what to do")
    func refused() async throws {
        let small = """
            -----BEGIN PUBLIC KEY-----
            MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALqbHeRLCyOdykC5SDLqI49ArYGYG1mq
            aH9/GnWjGavZM02fos4lc2w6tCchcUBNtJvGqKwhC5JEnx3RYoSX2ucCAwEAAQ==
            -----END PUBLIC KEY-----
            """
        let private_ = try EdDSA.PrivateKey()
        for (text, complaint) in [
            ("", "has no -----BEGIN PUBLIC KEY-----"), ("-----BEGIN PUBLIC KEY-----\nAAAA", "has no -----BEGIN"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be used; RSA of 2048 bits"),
            (small, "cannot be used; RSA of 2048 bits"), (private_.pemRepresentation, "has a private key"),
            (old.pemRepresentation, "openssl pkey -pubout"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "openssl x509"),
            (old.publicKey.pemRepresentation + "\n-----BEGIN X-----\n-----END X-----", "no public key: \"X\""),
        ] {
            let file = try TextFile(text)
            let error = try #require(throws: JWTKeyError.self) { try authenticator { $0.publicKeyFile = file.path } }
            #expect(
                error.sentence.hasPrefix("\(file.path) ") && error.sentence.contains(complaint), "\(error.sentence)")
            var settings = JWTSettings()
            settings.publicKeyFile = file.path
            #expect(settings.problems.map(\.sentence) == [error.sentence])
        }
        for (text, complaint) in [
            ("", "is no JSON"), ("[]", "is no JSON Web Key Set"), ("{\"keys\":[]}", "has no key for signatures"),
            ("{\"keys\":[],\"keys\":[]}", "names a member twice"),
            ("{\"keys\":[\(Array(repeating: "{}", count: 101).joined(separator: ","))]}", "more than 100 keys"),
            ("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", "a secret of 32 bytes"),
            (
                "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}",
                "has no key for signatures"
            ),
            (String(repeating: " ", count: 257 << 10), "is larger than 256KiB"),
        ] {
            let file = try TextFile(text)
            let error = try #require(throws: JWTKeyError.self) { try authenticator { $0.keySetFile = file.path } }
            #expect(error.sentence.contains(complaint), "\(error.sentence)")
        }
    }

    @Test("a file that anybody may change, that is missing or no file is refused")
    func exposed() async throws {
        let file = try TextFile(keySet((old, nil)))
        try FileManager.default.setAttributes([.posixPermissions: 0o646], ofItemAtPath: file.path)
        for (path, complaint) in [
            (file.path, "may be changed by any user"), ("/nonexistent/keys", "cannot be read: No such file"),
            ("/tmp", "is not a regular file"), ("/dev/zero", "is not a regular file"),
        ] {
            let error = try #require(throws: JWTKeyError.self) { try authenticator { $0.keySetFile = path } }
            #expect(error.sentence.contains(complaint), "\(error.sentence)")
        }
    }

    @Test("a secret signs by the hashes that are no longer than it; one that can be guessed is refused")
    func secrets() async throws {
        for (length, good) in [(32, 1), (47, 1), (48, 2), (63, 2), (64, 3)] {
            let secret = String(repeating: "s", count: length)
            let keeper = try authenticator { $0.secret = secret }
            for (index, digest) in [DigestAlgorithm.sha256, .sha384, .sha512].enumerated()
            where length >= 16 * (index + 2) {
                #expect(await keeper.answer(try await Signer(secret: secret.utf8, digest).token()) == "alice")
            }
            let vectors = Vectors.joserfc
            for (index, name) in ["HS256", "HS384", "HS512"].enumerated() {
                let answer = await keeper.answer(try #require(vectors.tokens[name]))
                #expect(answer.contains(index < good ? "not signed with one of" : "by an algorithm that none"))
            }
        }
        let error = try #require(throws: JWTKeyError.self) {
            try authenticator { $0.secret = String(repeating: "s", count: 31) }
        }
        #expect(error.sentence.contains("shorter than 32 bytes") && !error.sentence.contains("sss"))
    }
}
