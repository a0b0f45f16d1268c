import CChecksums
import CDigests
import FPCatalog

/// The digests of a file's beginning, with all that it takes to go on with them: after a pause, after a crash, and on
/// another machine. Nothing that was hashed is ever read again for it.
struct FileDigest: Sendable {
    /// How many bytes of the file are in it.
    private(set) var length: UInt64 = 0
    private(set) var crc64: UInt64 = 0
    private var sha256 = cd_sha256()
    /// Whether SHA-256 is computed.
    private var isHashed = false

    /// Of no bytes.
    init(_ kind: UploadDigest) {
        guard kind == .sha256 else { return }
        isHashed = true
        cd_sha256_begin(&sha256)
    }

    /// Adds bytes to what is hashed. ``join(_:length:)`` adds them to the rest.
    mutating func hash(_ bytes: UnsafeRawBufferPointer) {
        guard isHashed, let start = bytes.baseAddress else { return }
        cd_sha256_update(&sha256, start, bytes.count)
    }

    /// Adds the CRC of bytes that were hashed.
    mutating func join(_ crc64: UInt64, length: UInt64) {
        self.crc64 = self.length == 0 ? crc64 : cs_crc64nvme_join(self.crc64, crc64, length)
        self.length += length
    }

    /// What the bytes are known by, if they are the whole file.
    var digests: FileDigests {
        var digests = FileDigests(crc64: crc64)
        guard isHashed else { return digests }
        digests.sha256 = [UInt8](unsafeUninitializedCapacity: Int(CD_SHA256_SIZE)) { bytes, count in
            withUnsafePointer(to: sha256) { cd_sha256_digest($0, bytes.baseAddress) }
            count = Int(CD_SHA256_SIZE)
        }
        return digests
    }
}

// MARK: - Kept

extension FileDigest {
    /// The first byte of what is kept: which digests follow.
    private enum Form: UInt8 {
        /// The CRC and the length, in eight bytes each.
        case crc64 = 1
        /// The CRC in eight bytes, and CDigests' form of SHA-256's state, which has the length.
        case sha256
    }

    /// The digests as bytes, 113 at most. Numbers have their highest byte first.
    var kept: [UInt8] {
        var bytes = [(isHashed ? Form.sha256 : .crc64).rawValue]
        bytes.reserveCapacity(17 + Int(CD_SHA256_STATE_MOST))
        withUnsafeBytes(of: crc64.bigEndian) { bytes.append(contentsOf: $0) }
        guard isHashed else {
            withUnsafeBytes(of: length.bigEndian) { bytes.append(contentsOf: $0) }
            return bytes
        }
        bytes += [UInt8](unsafeUninitializedCapacity: Int(CD_SHA256_STATE_MOST)) { state, count in
            count = withUnsafePointer(to: sha256) { cd_sha256_save($0, state.baseAddress) }
        }
        return bytes
    }

    /// Digests that were kept; `nil` for bytes that are none.
    init?(kept: [UInt8]) {
        guard let form = kept.first.flatMap(Form.init(rawValue:)), kept.count >= 17 else { return nil }
        func number(at index: Int) -> UInt64 {
            kept[index..<index + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        crc64 = number(at: 1)
        switch form {
        case .crc64:
            guard kept.count == 17 else { return nil }
            length = number(at: 9)
        case .sha256:
            let isState = kept[9...].withUnsafeBytes { bytes in
                cd_sha256_load(&sha256, bytes.baseAddress, bytes.count) == 0
            }
            guard isState else { return nil }
            length = sha256.length
            isHashed = true
        }
    }

    /// The digests of the first `offset` bytes of an upload, to be gone on with.
    /// - Parameters:
    ///   - kept: what is on record of them.
    ///   - kind: what is wanted of the file.
    /// - Returns: `nil` if what is on record is of other bytes, or less than what is wanted.
    init?(upTo offset: UInt64, kept: [UInt8]?, wanted kind: UploadDigest) {
        if offset == 0 {
            self.init(kind)
            return
        }
        guard let kept, let digest = FileDigest(kept: kept), digest.length == offset else { return nil }
        self = digest
        switch kind {
        case .sha256: if !isHashed { return nil }
        case .crc64nvme: isHashed = false
        }
    }
}
