import COpenSSL
import FPPluginKit
import S3Signature

/// A digest over bytes that come one after the other.
final class RunningDigest {
    /// Which digest.
    enum Algorithm {
        case md5
        case sha256
    }

    private let context: OpaquePointer

    /// - Throws: `.internalError` if libcrypto refuses, as it does for MD5 in a FIPS configuration.
    init(_ algorithm: Algorithm) throws(PluginError) {
        guard let context = EVP_MD_CTX_new() else { throw PluginError(.noMemory, "no memory for a digest") }
        self.context = context
        let type = algorithm == .md5 ? EVP_md5() : EVP_sha256()
        guard EVP_DigestInit_ex(context, type, nil) == 1 else {
            throw PluginError(
                .internalError, "libcrypto refuses \(algorithm); choose another `checksum` if it allows no MD5")
        }
    }

    private init(copying other: RunningDigest) throws(PluginError) {
        guard let context = EVP_MD_CTX_new() else { throw PluginError(.noMemory, "no memory for a digest") }
        self.context = context
        guard EVP_MD_CTX_copy_ex(context, other.context) == 1 else {
            throw PluginError(.noMemory, "no memory for a digest")
        }
    }

    deinit { EVP_MD_CTX_free(context) }

    func update(_ bytes: UnsafeRawBufferPointer) {
        EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    }

    /// The digest of what came so far; more may follow.
    func current() throws(PluginError) -> [UInt8] {
        let copy = try RunningDigest(copying: self)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        EVP_DigestFinal_ex(copy.context, &digest, &count)
        return Array(digest.prefix(Int(count)))
    }
}
