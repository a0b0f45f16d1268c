import NIOCore

/// The body of a request, pulled by one reader while the connection reads ahead.
public final class RequestBody: Sendable {
    /// Everything that has arrived since the last call, in order, about 1 MiB at most; waits when there is nothing.
    ///
    /// The first call answers `Expect: 100-continue`. While the reader works on what it got, the connection goes on
    /// reading up to its high-water mark. What a call returned is taken to be done with at the next call.
    ///
    /// - Returns: Buffers, none of them empty; nil at the end of the body, and at every call after that.
    /// - Throws: ``BodyError``, once all bytes that came before the failure have been returned
    ///   (``BodyError/cancelled`` at once); and again at every call after that.
    public func next() async throws(BodyError) -> [ByteBuffer]? { fatalError() }

    /// The whole body in one buffer, for bodies known to be small.
    ///
    /// - Throws: ``BodyError/tooLarge(limit:)`` as soon as more than `limit` bytes are announced or have arrived.
    public func collect(upTo limit: Int) async throws(BodyError) -> ByteBuffer { fatalError() }

    /// Ends the body for its reader: a pending or later ``next()`` throws ``BodyError/cancelled``. From any thread.
    public func stop() { fatalError() }
}
