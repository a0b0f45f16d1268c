import NIOCore

/// How far a response's file has come on its way out. It goes in pieces, so that the clock sees the client take it and so
/// that no connection has the event loop for long.
struct FileProgress {
    /// Bytes that the kernel sends.
    private static let pieceLength: Int64 = 2 << 20
    /// Bytes that are read, to be encrypted.
    private static let copiedLength: Int64 = 256 << 10
    /// A file that somebody cuts short is noticed within this time: to sendfile its end is no error, only nothing to send.
    private static let checkInterval = TimeAmount.seconds(1)

    let file: FileBody
    /// When to look whether the file still holds the piece that the client has yet to take.
    private(set) var checkDue: NIODeadline
    /// Where in the file the next piece begins.
    private var next: Int64
    private let isCopied: Bool

    /// - Parameter copying: Whether the bytes have to pass through here.
    init(_ file: FileBody, at now: NIODeadline, copying: Bool) {
        self.file = file
        isCopied = copying
        next = file.offset
        checkDue = now + Self.checkInterval
    }

    /// Whether there is nothing behind the last piece that was given.
    var isAtEnd: Bool { next == file.end }

    /// The next piece to be written, which is not empty; nil if the file does not hold it.
    mutating func nextPiece(at now: NIODeadline) -> IOData? {
        let start = next
        next += min(isCopied ? Self.copiedLength : Self.pieceLength, file.end - start)
        guard isWhole(at: now) else { return nil }
        return isCopied ? file.bytes(start..<next).map { .byteBuffer($0) } : .fileRegion(file.region(start..<next))
    }

    /// Whether the file holds all that was given of it.
    mutating func isWhole(at now: NIODeadline) -> Bool {
        checkDue = now + Self.checkInterval
        return file.reaches(next)
    }
}
