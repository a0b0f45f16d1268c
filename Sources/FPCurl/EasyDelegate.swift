import Glibc

/// What became of bytes of a body that were offered.
package enum Intake: Sendable {
    case taken
    /// The same bytes are to be offered again later: after ``Driver/proceed(_:)``.
    case full
    /// Nobody wants them any more, which ends the request.
    case unwanted
}

/// Is told what happens to a request, on the thread that drives the request and must not be blocked.
package protocol EasyDelegate: AnyObject {
    /// Takes the head of the final response; false ends the request.
    func receive(head: ResponseHead) -> Bool

    /// Takes a piece of the response's body. The memory is libcurl's, and gone afterwards.
    func receive(body: UnsafeRawBufferPointer) -> Intake

    /// Fills the buffer with the next bytes of the request's body.
    /// - Returns: how many, 0 at the end; nil if they cannot be read, which ends the request.
    func send(into buffer: UnsafeMutableRawBufferPointer) -> Int?

    /// Goes back to that byte of the request's body, to send it again: a reused connection turned out to be dead.
    func seek(to offset: Int)

    /// Whether a connection to that address may be made.
    func mayConnect(to address: UnsafePointer<sockaddr>) -> Bool
}

extension EasyDelegate {
    package func send(into buffer: UnsafeMutableRawBufferPointer) -> Int? { 0 }
    package func seek(to offset: Int) {}
    package func mayConnect(to address: UnsafePointer<sockaddr>) -> Bool { true }
}
