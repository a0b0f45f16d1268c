import FPFormats
import FPHTTP
import FPJWT
import Foundation
import JWTKit
import Logging
import Synchronization

/// Times that a test sets.
final class TestClock: Sendable {
    /// 2033-05-18T03:33:20Z
    static let start = 2_000_000_000.0

    private let state = Mutex(JWTClock.Moment(seconds: start, steady: .now))

    var clock: JWTClock { JWTClock { self.state.withLock { $0 } } }

    func advance(by seconds: Double) {
        state.withLock { moment in
            moment.seconds += seconds
            moment.steady += .seconds(seconds)
        }
    }
}

/// Makes tokens of texts, good ones and others.
struct Signer: Sendable {
    let algorithm: any JWTAlgorithm

    init(_ key: ES256PrivateKey) async throws { algorithm = try await JWTKeyCollection().add(ecdsa: key).getKey() }
    init(_ key: EdDSA.PrivateKey) async throws { algorithm = try await JWTKeyCollection().add(eddsa: key).getKey() }
    init(secret: some Collection<UInt8>, _ digest: DigestAlgorithm = .sha256) async throws {
        algorithm = try await JWTKeyCollection().add(hmac: HMACKey(from: Array(secret)), digestAlgorithm: digest)
            .getKey()
    }

    func token(header: String? = nil, _ claims: String = Claims.good) throws -> String {
        let header = header ?? "{\"alg\":\"\(algorithm.name)\",\"typ\":\"JWT\"}"
        let input = Base64URL.encoded(header.utf8) + "." + Base64URL.encoded(claims.utf8)
        return input + "." + Base64URL.encoded(try algorithm.sign(Array(input.utf8)))
    }
}

enum Claims {
    /// Good for an hour of the test clock.
    static let good = of("")

    /// The same with more members.
    static func of(_ more: String, owner: String = "alice", expires: Double = TestClock.start + 3600) -> String {
        "{\"sub\":\"\(owner)\",\"exp\":\(Int(expires))\(more.isEmpty ? "" : "," + more)}"
    }
}

/// A key set with one EC key.
func keySet(_ keys: (key: ES256PrivateKey, id: String?)...) -> String {
    let entries = keys.map { key, id in
        // JWTKit gives these out in plain base64.
        let (x, y) = (key.parameters?.x ?? "", key.parameters?.y ?? "")
        let (name, plain) = (id.map { "\"kid\":\"\($0)\"," } ?? "", [x, y].map(urlSafe))
        return "{\"kty\":\"EC\",\"crv\":\"P-256\",\(name)\"x\":\"\(plain[0])\",\"y\":\"\(plain[1])\"}"
    }
    return "{\"keys\":[\(entries.joined(separator: ","))]}"
}

private func urlSafe(_ base64: String) -> String {
    base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}

/// An authenticator that accepts tokens of that key.
func authenticator(
    for key: ES256PrivateKey, clock: TestClock = TestClock(), _ change: (inout JWTSettings) -> Void = { _ in }
) throws -> JWTAuthenticator {
    let file = try TextFile(key.publicKey.pemRepresentation)
    return try authenticator(clock: clock) { settings in
        settings.publicKeyFile = file.path
        change(&settings)
    }
}

func authenticator(
    clock: TestClock = TestClock(), download: KeyDownload? = nil, log: LogLines = LogLines(),
    _ change: (inout JWTSettings) -> Void
) throws -> JWTAuthenticator {
    var settings = JWTSettings()
    if download != nil { settings.keySetURL = "https://id.example.org/keys" }
    change(&settings)
    return try JWTAuthenticator(settings, download: download, clock: clock.clock, logger: log.logger)
}

extension JWTAuthenticator {
    /// The owner that a token names, or the sentence by which it is refused.
    func answer(_ token: String) async -> String {
        do throws(Problem) {
            return try await caller(Array(token.utf8)).owner ?? "-"
        } catch {
            return error.status == .unauthorized ? error.sentence : "\(error.status.code)"
        }
    }
}

/// A file that goes with the value that names it.
final class TextFile: Sendable {
    let path = "\(NSTemporaryDirectory())/fpjwt-\(UUID().uuidString)"

    init(_ text: String) throws { try write(text) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Replaces the file by another.
    func write(_ text: String) throws { try text.write(toFile: path, atomically: true, encoding: .utf8) }

    func remove() throws { try FileManager.default.removeItem(atPath: path) }
}

/// Keeps log lines.
final class LogLines: Sendable {
    private let kept = Mutex<[String]>([])

    var all: [String] { kept.withLock { $0 } }

    var logger: Logger {
        Logger(label: "test") { _ in Handler(lines: self) }
    }

    private struct Handler: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { lines.kept.withLock { $0.append("\(event.level) \(event.message)") } }
    }
}
