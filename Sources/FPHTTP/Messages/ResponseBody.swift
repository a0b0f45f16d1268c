import NIOCore
import Synchronization

/// The body of a response: nothing, bytes at hand, a piece of a file, or a stream that is pulled as fast as the client
/// reads.
public struct ResponseBody: Sendable {
    enum Content: Sendable {
        case bytes(ByteBuffer)
        case file(FileBody)
        case stream(length: Int64?, ResponseStream)
        case omitted(length: Int64)
    }

    let content: Content

    /// No bytes.
    public static let empty = ResponseBody(content: .bytes(ByteBuffer()))

    /// The bytes of one buffer.
    public static func bytes(_ buffer: ByteBuffer) -> ResponseBody {
        ResponseBody(content: .bytes(buffer))
    }

    /// `length` bytes of a regular file from `offset` on, which the kernel takes from there.
    ///
    /// A file that is shorter by the time it is sent aborts the connection: the client never takes a part for the whole.
    ///
    /// - Parameter descriptor: The open file, taken over: closed when its last byte is sent, when the client went away,
    ///   or when nobody holds the response any more. Its position is neither used nor changed.
    public static func file(descriptor: CInt, offset: Int64, length: Int64) -> ResponseBody {
        ResponseBody(content: .file(FileBody(descriptor, offset: offset, length: length)))
    }

    /// The answer to a HEAD whose GET would have `length` bytes, without opening what holds them.
    ///
    /// Given to any other method it becomes a 500.
    public static func omitted(length: Int64) -> ResponseBody {
        ResponseBody(content: .omitted(length: length))
    }

    /// Bytes that `next` makes on demand, nil at the end, with back pressure: one buffer is made ahead of the one
    /// being sent.
    ///
    /// The head goes out with the first buffer, an empty one included, so a failure before it is still a clean 500.
    /// A failure after it, or a total that differs from `length`, aborts the connection: the client never takes a
    /// part for the whole.
    ///
    /// - Parameters:
    ///   - length: Bytes in all; nil sends them chunked.
    ///   - next: The next buffer; called by one task, never twice at a time, and not at all for a HEAD.
    ///   - close: Called exactly once, from any thread, when no more will be asked for: at the end, after a failure,
    ///     when the client went away, or when the response was never sent.
    public static func stream(
        length: Int64?,
        next: @escaping @Sendable () async throws -> ByteBuffer?,
        close: @escaping @Sendable () -> Void = {}
    ) -> ResponseBody {
        let stream = ResponseStream(close: close) { send in
            while let buffer = try await next() {
                try await send(buffer)
            }
        }
        return ResponseBody(content: .stream(length: length, stream))
    }

    /// The elements of an asynchronous sequence, under the terms of ``stream(length:next:close:)``.
    public static func stream<Buffers: AsyncSequence & Sendable>(
        length: Int64?,
        _ buffers: Buffers,
        close: @escaping @Sendable () -> Void = {}
    ) -> ResponseBody where Buffers.Element == ByteBuffer {
        let stream = ResponseStream(close: close) { send in
            for try await buffer in buffers {
                try await send(buffer)
            }
        }
        return ResponseBody(content: .stream(length: length, stream))
    }

    /// Bytes the body will have, where that is known before it is made.
    public var length: Int64? {
        switch content {
        case .bytes(let buffer): Int64(buffer.readableBytes)
        case .file(let file): file.length
        case .stream(let length, _): length
        case .omitted(let length): length
        }
    }

    /// Lets go of what a stream holds, for a response that will not be sent.
    public func discard() {
        if case .stream(_, let stream) = content {
            stream.close()
        }
    }
}

/// A stream's producer, and the promise that its `close` runs once whatever happens.
final class ResponseStream: Sendable {
    typealias Send = (ByteBuffer) async throws -> Void

    let produce: @Sendable (Send) async throws -> Void
    private let onClose: @Sendable () -> Void
    private let isClosed = Atomic(false)

    init(close: @escaping @Sendable () -> Void, produce: @escaping @Sendable (Send) async throws -> Void) {
        self.onClose = close
        self.produce = produce
    }

    deinit {
        close()
    }

    func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) {
            onClose()
        }
    }
}
