import CChecksums
import Crypto
public import FPFormats
public import NIOCore
import Synchronization

/// Compares bytes with the digests that somebody states of them. Only what is stated is computed.
///
/// Bytes are hashed when it is asked for the next ones, not when they are noted: the thread that asks is mostly the
/// store's, which has just written them, and not the connection's.
public final class DigestCheck: Sendable {
    private struct State {
        var hashes: [RunningHash]
        var waiting: [ByteBuffer] = []
        var outcome: Result<Void, UploadError>?
    }

    // One body has one reader at a time; the lock is for its going from thread to thread.
    private let state: Mutex<State>

    /// - Returns: nil if nothing is stated.
    public init?(_ stated: DigestSet) {
        guard !stated.isEmpty else { return nil }
        state = Mutex(State(hashes: stated.kinds.map { RunningHash($0, expected: stated[$0] ?? []) }))
    }

    /// Takes the bytes that come next, after those before have been hashed.
    public func note(_ buffers: [ByteBuffer]) {
        state.withLock { state in
            Self.catchUp(&state)
            state.waiting = buffers
        }
    }

    /// Hashes what has been noted.
    public func catchUp() {
        state.withLock { Self.catchUp(&$0) }
    }

    /// Compares, after the last byte.
    /// - Throws: ``UploadError`` of the kind ``UploadError/Kind/digestMismatch``, each time that it is asked.
    public func verify() throws(UploadError) {
        let outcome = state.withLock { state in
            if let outcome = state.outcome { return outcome }
            Self.catchUp(&state)
            let failed = state.hashes.lazy.compactMap { $0.mismatch() }.first
            let outcome = failed.map { Result<Void, UploadError>.failure($0) } ?? .success(())
            state.outcome = outcome
            return outcome
        }
        try outcome.get()
    }

    /// What is said of bytes that are not those of which a digest was stated.
    static func mismatch(_ kind: DigestKind, detail: String? = nil) -> UploadError {
        UploadError(
            .digestMismatch,
            "The bytes have another \(kind.fieldKey ?? kind.tusName) than was stated of them; nothing of them counts.",
            detail: detail)
    }

    private static func catchUp(_ state: inout State) {
        for buffer in state.waiting {
            buffer.withUnsafeReadableBytes { bytes in
                for index in state.hashes.indices { state.hashes[index].update(bytes) }
            }
        }
        state.waiting = []
    }
}

/// One digest on its way.
private struct RunningHash {
    private let kind: DigestKind
    private let expected: [UInt8]
    private var function: any HashFunction
    private var crc: UInt32 = 0

    init(_ kind: DigestKind, expected: [UInt8]) {
        self.kind = kind
        self.expected = expected
        function =
            switch kind {
            case .sha512: SHA512()
            case .sha256, .crc32c: SHA256()
            case .sha1: Insecure.SHA1()
            case .md5: Insecure.MD5()
            }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        if kind == .crc32c {
            crc = cs_crc32c(crc, bytes.baseAddress, bytes.count)
        } else {
            function.update(bufferPointer: bytes)
        }
    }

    func mismatch() -> UploadError? {
        let found = digest
        guard found != expected else { return nil }
        let name = kind.fieldKey ?? kind.tusName
        return DigestCheck.mismatch(
            kind, detail: "\(name): \(Base64.encoded(expected)) was stated, \(Base64.encoded(found)) arrived")
    }

    private var digest: [UInt8] {
        if kind == .crc32c { return withUnsafeBytes(of: crc.bigEndian) { Array($0) } }
        return function.finalize().withUnsafeBytes { Array($0) }
    }
}
