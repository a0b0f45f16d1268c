import FPFormats
import Glibc
import NIOCore
import NIOSSL

/// A certificate with its chain, and the key that belongs to it, read from PEM files.
public struct TLSIdentity: Sendable {
    /// Where they are. Another program may replace them at any time.
    public struct Files: Sendable, Equatable {
        /// The path of the certificate, followed by those that lead to its authority's.
        public var certificate: String
        /// The path of its key, without a passphrase.
        public var key: String

        /// Files at these paths.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Why files are no identity, with their paths: for the operator.
    public struct Failure: Error, Equatable, CustomStringConvertible {
        /// The sentence.
        public let description: String
    }

    /// The largest file that is read, in bytes.
    private static let largest = 1 << 20
    /// Forward secrecy and authenticated encryption only (RFC 9325, section 4.2); those of TLS 1.3 are all so.
    private static let ciphers: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// When the first certificate of the chain to do so ceases to be valid, in seconds since 1970.
    public let expiry: Int64
    let context: NIOSSLContext

    /// Reads the files, and checks that they belong together. Blocks for as long as the disk takes.
    ///
    /// - Parameters:
    ///   - files: Where they are.
    ///   - protocols: What clients may choose from in the handshake (RFC 7301), the preferred one first.
    /// - Throws: What is wrong with which file, and what to do.
    public init(_ files: Files, protocols: [String] = ["http/1.1"]) throws(Failure) {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(Self.content(files.certificate, "certificate"))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                description: "\(files.certificate) holds no certificate in PEM; write it there, and its chain behind it"
            )
        }
        guard let first = chain.first else {
            throw Failure(description: "\(files.certificate) holds no certificate; write it there in PEM")
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: Self.content(files.key, "key"), format: .pem)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(files.key) holds no private key in PEM that needs no passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = Self.ciphers
        configuration.applicationProtocols = protocols
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw Failure(
                description: "the key in \(files.key) does not belong to the certificate in \(files.certificate)")
        }
        expiry = chain.map { Int64($0.notValidAfter) }.min() ?? Int64(first.notValidAfter)
    }

    /// A sentence about a certificate that is not valid for long, or no more; nil if it is.
    /// - Parameter now: Seconds since 1970.
    public func expiryWarning(at now: Int64) -> String? {
        let days = (expiry - now) / 86_400
        if expiry <= now { return "the certificate, or one of its chain, has expired; renew it" }
        return days < 14 ? "the certificate, or one of its chain, expires in \(days) days; renew it" : nil
    }

    private static func content(_ path: String, _ what: String) throws(Failure) -> [UInt8] {
        func unreadable(_ reason: String) -> Failure {
            Failure(description: "the \(what) \(path) cannot be read (\(reason)); let the host's user read it")
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw unreadable(String(cString: strerror(errno))) }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: largest + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if got == 0 { break }
            if got > 0 {
                count += got
            } else if errno != EINTR {
                throw unreadable(String(cString: strerror(errno)))
            }
        }
        guard count <= largest else { throw unreadable("it is larger than a MiB") }
        bytes.removeSubrange(count...)
        return bytes
    }
}
