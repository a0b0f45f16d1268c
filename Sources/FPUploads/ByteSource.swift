public import NIOCore

/// The body of a request, as ``Uploads`` reads it: bytes to be asked for, from a client that may be slow,
/// may go away, or may be told to stop because another request took over.
public protocol ByteSource: Sendable {
    /// Everything that has arrived since the last call, waiting for at least one byte; `nil` after the last byte of
    /// a whole body.
    func next() async throws(ByteSourceError) -> [ByteBuffer]?

    /// What ``next()`` would return without waiting. Called while the reader works on what it got before, and from the
    /// thread that does that work.
    /// - Returns: bytes; no buffers at the end of a whole body; `nil` if there is nothing yet, or if only ``next()`` can
    ///   tell.
    func nextWithoutWaiting() -> [ByteBuffer]?

    /// Makes a pending ``next()``, or else the coming one, throw ``ByteSourceError/stopped``. May be called from
    /// any task, at any time, more than once.
    func stop()
}

extension ByteSource {
    /// Leaves everything to ``next()``.
    public func nextWithoutWaiting() -> [ByteBuffer]? { nil }
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
