public import FPFormats

/// A chunk as its request announces it.
public struct Chunk: Sendable {
    /// Where its first byte belongs.
    public var offset: UInt64
    /// The number of bytes in the body, if the request tells.
    public var bodyLength: UInt64?
    /// The size of the whole file, if the request tells.
    public var uploadLength: UInt64?
    /// The name of the file, if the request tells.
    public var name: String?
    /// What becomes of it if its body is cut, and where it may begin.
    public var keeping: ChunkKeeping
    /// Whether the file ends with it: `nil` where that is counted, so that the chunk that reaches the file's length is
    /// the last. A dialect that announces the end says `true` or `false`; the last chunk may then be empty, and the
    /// length need not have been known.
    public var isLast: Bool?
    /// What its request states of the whole file. It counts on the chunk with which the file is whole; on others, what was
    /// stated when the upload began must not contradict it.
    public var fileDigests = DigestSet()

    /// Makes a chunk as given.
    public init(
        offset: UInt64, bodyLength: UInt64?, uploadLength: UInt64?, name: String?, keeping: ChunkKeeping = .whole,
        isLast: Bool? = nil
    ) {
        self.offset = offset
        self.bodyLength = bodyLength
        self.uploadLength = uploadLength
        self.name = name
        self.keeping = keeping
        self.isLast = isLast
    }

    /// The offset after its last byte, if that is known beforehand.
    var end: UInt64? {
        guard let bodyLength else { return nil }
        let (end, overflow) = offset.addingReportingOverflow(bodyLength)
        return overflow ? nil : end
    }
}

/// How a dialect keeps what arrives of a chunk.
public enum ChunkKeeping: Sendable {
    /// Whole or not at all, as FilePond's client expects it. A chunk that is cut leaves the upload where it was. The next
    /// one begins at ``Upload/committed`` or before: the same bytes as before change nothing, and other bytes take the
    /// upload back to there. The chunk directly behind the one being received waits for its turn.
    case whole
    /// Every byte that the store has made safe, as tus and resumable uploads over HTTP demand it
    /// (draft-ietf-httpbis-resumable-upload). A chunk that is cut counts as far as it came, and is on record before its
    /// request fails. The next one begins exactly at ``Upload/received``, which never falls as long as the store keeps
    /// its bytes. A newcomer stops whoever is at work.
    case everySafeByte
}
