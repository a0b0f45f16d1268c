public import NIOCore

/// The body of a request, as ``Uploads`` reads it: bytes to be asked for, from a client that may be slow,
/// may go away, or may be told to stop because another request took over.
public protocol ByteSource: Sendable {
    /// Everything that has arrived since the last call, waiting for at least one byte; `nil` after the last byte of
    /// a whole body.
    func next() async throws(ByteSourceError) -> [ByteBuffer]?

    /// Makes a pending ``next()``, or else the coming one, throw ``ByteSourceError/stopped``. May be called from
    /// any task, at any time, more than once.
    func stop()
}

/// Why no more bytes come.
public enum ByteSourceError: Error, Sendable {
    /// The client went away, or sent fewer bytes than it had announced.
    case truncated
    /// The client was too slow.
    case tooSlow
    /// ``ByteSource/stop()`` was called.
    case stopped
    /// The source itself failed, and nothing of what it gave is to count: the bytes are not those that the client meant,
    /// such as those of a chunk whose checksum is another.
    case failed(UploadError)
}
