import FPHTTP
import Foundation
import NIOSSL
import Support

/// Self-signed certificates for these tests, valid until 2126, and their keys, which protect nothing.
enum TestCertificate: String, CaseIterable {
    /// For one.test.
    case one
    /// For two.test.
    case two

    var certificate: String {
        switch self {
        case .one: Self.firstCertificate
        case .two: Self.secondCertificate
        }
    }

    var key: String {
        switch self {
        case .one: Self.firstKey
        case .two: Self.secondKey
        }
    }

    /// A client that takes no other certificate than this one, whatever name it is for.
    func client() throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8)))
        configuration.certificateVerification = .noHostnameVerification
        configuration.applicationProtocols = ["http/1.1"]
        return configuration
    }

    private static let firstCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBlzCCAT6gAwIBAgIUIzF5slYJ4FEHI7MDjiEyM/nc3g0wCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIb25lLnRlc3QwIBcNMjYxMTI3MjIwMTMyWhgPMjEyNjExMDMy
        MjAxMzJaMBMxETAPBgNVBAMMCG9uZS50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAEWCPa466cpnmJfBp/KemWDRLmtpwhMpPc/MVPI2gWgsFVU9mKzfMXBaU7
        o3J9Cmm4Kh1Nb9IZ5Crh+Ky475H7DaNuMGwwHQYDVR0OBBYEFGBtA8Hm74LE8rSa
        8JIim57UhPG/MB8GA1UdIwQYMBaAFGBtA8Hm74LE8rSa8JIim57UhPG/MA8GA1Ud
        EwEB/wQFMAMBAf8wGQYDVR0RBBIwEIIIb25lLnRlc3SHBH8AAAEwCgYIKoZIzj0E
        AwIDRwAwRAIgWm0od/c4BiH0pTNpF9pIG6y60lqzGYb0ltUDe+KWvSICIHkxKtSA
        ShAmTQs9V4RaXi8weERRGKDg71Ddn09kkrCS
        -----END CERTIFICATE-----
        """

    private static let firstKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgMa8vBTHnHG2FEHM2
        wHTGdFJICchk2Xlwwohj8vCQ5OahRANCAARYI9rjrpymeYl8Gn8p6ZYNEua2nCEy
        k9z8xU8jaBaCwVVT2YrN8xcFpTujcn0KabgqHU1v0hnkKuH4rLjvkfsN
        -----END PRIVATE KEY-----
        """

    private static let secondCertificate = """
        -----BEGIN CERTIFICATE-----
        MIIBmDCCAT6gAwIBAgIUSi42i29iY2NIR+fuhGtuvO2CzBUwCgYIKoZIzj0EAwIw
        EzERMA8GA1UEAwwIdHdvLnRlc3QwIBcNMjYxMTI3MjIwMTMyWhgPMjEyNjExMDMy
        MjAxMzJaMBMxETAPBgNVBAMMCHR3by50ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
        AQcDQgAE6xFaYIES1q33oX7bnViPso5JYoDnQxGZIYj9QCJZl2uPzK4oBW/Q6wLZ
        EkA+sCgKXAIuU1M3ANV6ZLgVAp93BqNuMGwwHQYDVR0OBBYEFGcnRmmSbGBm01rM
        IwrHMedxVbtnMB8GA1UdIwQYMBaAFGcnRmmSbGBm01rMIwrHMedxVbtnMA8GA1Ud
        EwEB/wQFMAMBAf8wGQYDVR0RBBIwEIIIdHdvLnRlc3SHBH8AAAEwCgYIKoZIzj0E
        AwIDSAAwRQIhAPHUT4CDetZ1pMOmmPCKlBZmTRz9VCxWWfLpehl5tBdhAiAU+TMP
        X0ich2R3useOLebNOnioxYo9+dmGDqdJUMSWuw==
        -----END CERTIFICATE-----
        """

    private static let secondKey = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg46Y27D0R4K8l3rgh
        D1LGoNdCIeiOWilbgDdpSGDmvAChRANCAATrEVpggRLWrfehftudWI+yjkligOdD
        EZkhiP1AIlmXa4/MrigFb9DrAtkSQD6wKApcAi5TUzcA1XpkuBUCn3cG
        -----END PRIVATE KEY-----
        """
}

/// The two files of a certificate, which can be replaced.
final class CertificateFiles: Sendable {
    private let directory: TemporaryDirectory

    init(_ certificate: TestCertificate = .one) throws {
        directory = try TemporaryDirectory()
        try replace(certificate: certificate.certificate)
        try replace(key: certificate.key)
    }

    var paths: TLSIdentity.Files {
        TLSIdentity.Files(
            certificate: directory.url.appendingPathComponent("cert.pem").path,
            key: directory.url.appendingPathComponent("key.pem").path)
    }

    func replace(certificate: String) throws {
        try Data(certificate.utf8).write(to: URL(fileURLWithPath: paths.certificate), options: .atomic)
    }

    func replace(key: String) throws {
        try Data(key.utf8).write(to: URL(fileURLWithPath: paths.key), options: .atomic)
    }
}
