import NIOCore
import NIOHTTP1

/// One request and its response on a connection. Lives on the connection's event loop.
final class Exchange {
    enum Progress {
        /// The handler is at work.
        case awaited
        /// The head is out.
        case begun
        /// The last byte is in the kernel's hands.
        case sent
    }

    /// Tells this exchange from the others of its connection, for whoever comes back from another thread.
    let serial: Int
    let version: HTTPVersion
    let body: RequestBody
    let contentLength: Int64?
    var record: AccessRecord

    var task: Task<Void, Never>?
    var progress = Progress.awaited
    /// Whether the connection may serve another request after this one.
    var keepsAlive: Bool
    /// Whether the client waits for a 100 before it sends the body.
    var expectsContinue: Bool
    /// Whether the request has arrived to its last byte.
    var isInputWhole = false
    /// Whether what still comes of the body is dropped.
    var isDiscarding = false
    /// Whether the body's reader has enough for now.
    var isHolding = false
    /// Whether the body went on too slowly and its reader was told so.
    var isTooSlow = false
    /// Whether the response's body goes out in chunks.
    var isChunked = false
    /// Whether the last of the response has been written, but maybe not taken by the client.
    var isEnding = false
    /// Whether the response was broken off by our doing.
    var isAborted = false
    /// Who waits for the client to take what was written.
    var writer: CheckedContinuation<Void, any Error>?

    init(
        serial: Int,
        version: HTTPVersion,
        body: RequestBody,
        contentLength: Int64?,
        keepsAlive: Bool,
        expectsContinue: Bool,
        record: AccessRecord
    ) {
        self.serial = serial
        self.version = version
        self.body = body
        self.contentLength = contentLength
        self.keepsAlive = keepsAlive
        self.expectsContinue = expectsContinue
        self.record = record
    }

    /// Bytes of the body still to come; nil when the client sends it chunked.
    var remaining: Int64? {
        contentLength.map { $0 - record.bytesIn }
    }
}
