import NIOHTTP1

/// One request and its response on a connection. Lives on the connection's event loop.
final class Exchange {
    /// Tells this exchange from the others of its connection, for whoever comes back from another thread.
    let serial: Int
    let version: HTTPVersion
    let body: RequestBody
    /// Bytes that the body will have; nil when the client sends it chunked.
    let contentLength: Int64?
    var record: AccessRecord

    /// The handler's task; nil where the server itself answers.
    var task: Task<Void, Never>?
    var arrival: RequestArrival
    var response = ResponseProgress()
    /// The file that the response's body is sent from, until the kernel has taken all of it.
    var file: FileProgress?
    /// Whether the connection may serve another request after this one. Once it may not, it never may.
    private(set) var keepsAlive: Bool

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
        self.arrival = RequestArrival(expectsContinue: expectsContinue)
        self.record = record
    }

    /// Bytes of the body still to come; nil when the client sends it chunked.
    var remaining: Int64? {
        contentLength.map { $0 - record.bytesIn }
    }

    /// Has the connection close after the response.
    func closeAfterwards() {
        keepsAlive = false
    }
}
