import CChecksums
import CDigests
import FPCatalog
import Synchronization

/// What is computed of the bytes of each upload.
public enum UploadDigest: String, Sendable, CaseIterable {
    /// SHA-256, and CRC-64/NVME with it.
    case sha256
    /// CRC-64/NVME alone, which costs next to nothing.
    case crc64nvme
}

/// The digests of bytes while they pass, however they are cut into buffers: of a chunk or of a whole file, and of the file
/// up to there, if what came before is known.
final class RunningDigest: Sendable {
    private struct State {
        /// Of the bytes that passed here alone.
        var length: UInt64 = 0
        var crc64: UInt64 = 0
        /// Of the file, all bytes before these included.
        var file: FileDigest?
    }

    private let beginning: FileDigest?
    private let state: Mutex<State>

    /// - Parameter beginning: what is known of the bytes in front; `nil` for nothing.
    init(behind beginning: FileDigest?) {
        self.beginning = beginning
        state = Mutex(State(file: beginning))
    }

    /// Of a file from its first byte on.
    convenience init(_ kind: UploadDigest) {
        self.init(behind: FileDigest(kind))
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        state.withLock { state in
            state.length += UInt64(bytes.count)
            state.crc64 = cs_crc64nvme(state.crc64, start, bytes.count)
            state.file?.hash(bytes)
        }
    }

    /// Goes back to where it began, because the bytes will pass once more.
    func restart() {
        state.withLock { $0 = State(file: beginning) }
    }

    /// How many bytes passed.
    var length: UInt64 { state.withLock { $0.length } }

    /// The CRC-64/NVME of the bytes that passed: what tells a chunk that is sent again from other bytes at its place.
    var fingerprint: UInt64 { state.withLock { $0.crc64 } }

    /// The file's digest up to here; `nil` if it is not known.
    var file: FileDigest? {
        state.withLock { state in
            guard var file = state.file else { return nil }
            file.join(state.crc64, length: state.length)
            return file
        }
    }
}
