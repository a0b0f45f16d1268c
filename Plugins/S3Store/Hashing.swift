import COpenSSL
import FPPluginKit

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

/// The SHA-256 of `bytes`.
func sha256(_ bytes: some Collection<UInt8>) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let bytes = Array(bytes)
    EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil)
    return digest
}

/// The HMAC-SHA-256 (RFC 2104) of `text`.
func hmac(_ text: String, key: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    let text = Array(text.utf8)
    HMAC(EVP_sha256(), key, Int32(key.count), text, text.count, &code, nil)
    return code
}

extension Collection<UInt8> {
    /// Two lower-case digits for each byte.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// RFC 4648, section 4, with padding.
    var base64: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        var rest = Array(self)[...]
        while !rest.isEmpty {
            let group = rest.prefix(3)
            rest = rest.dropFirst(3)
            let word = group.reduce(0) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
            for place in 0..<4 {
                let index = Int(word >> (18 - 6 * UInt32(place)) & 63)
                text.append(place <= group.count ? alphabet[index] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Array<UInt8> {
    /// From RFC 4648's alphabet; nil if it is none.
    init?(base64 text: String) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        self = []
        var word: UInt32 = 0
        var bits = 0
        for digit in text.utf8.prefix(while: { $0 != UInt8(ascii: "=") }) {
            guard let value = alphabet.firstIndex(of: digit) else { return nil }
            word = word << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
        }
    }
}

extension FixedWidthInteger {
    /// Its bytes, the most significant first.
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
