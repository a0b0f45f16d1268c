import CChecksums
import FPPluginKit
import S3Signature

/// The checksum that the settings want to go with bytes, over bytes that come one after the other.
struct RunningChecksum {
    private let kind: Settings.Checksum
    private let md5: RunningDigest?
    private(set) var crc32c: UInt32 = 0
    private(set) var crc64nvme: UInt64 = 0

    init(_ kind: Settings.Checksum) throws(PluginError) {
        self.kind = kind
        md5 = kind == .md5 ? try RunningDigest(.md5) : nil
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch kind {
        case .crc32c: crc32c = cs_crc32c(crc32c, bytes.baseAddress, bytes.count)
        case .crc64nvme: crc64nvme = cs_crc64nvme(crc64nvme, bytes.baseAddress, bytes.count)
        case .md5: md5?.update(bytes)
        case .sha256, .none: break
        }
    }

    /// The field that a request carries it in; nil if there is none.
    /// - Parameter sha256: that of the same bytes, if it is known.
    func field(sha256: [UInt8]?) throws(PluginError) -> (name: String, value: String)? {
        switch kind {
        case .crc32c: return ("x-amz-checksum-crc32c", crc32c.bigEndianBytes.base64)
        case .crc64nvme: return ("x-amz-checksum-crc64nvme", crc64nvme.bigEndianBytes.base64)
        case .sha256: return sha256.map { ("x-amz-checksum-sha256", $0.base64) }
        case .md5:
            guard let md5 else { return nil }
            return ("Content-MD5", try md5.current().base64)
        case .none: return nil
        }
    }
}
