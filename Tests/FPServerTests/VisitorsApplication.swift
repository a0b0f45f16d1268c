import Foundation
import Glibc
import Synchronization

/// An application that knows its visitors: a web server on bare sockets, with a thread per connection, that writes down
/// what it is asked and answers exactly what a test tells it to.
final class VisitorsApplication: Sendable {
    /// A question: its request line, its fields in order, and the number of the connection that it came on.
    struct Question: Sendable {
        let line: String
        let fields: [(name: String, value: String)]
        let connection: Int

        /// The value of the only field of that name; `nil` for none or several.
        subscript(name: String) -> String? {
            let values = fields.filter { $0.name == name }.map(\.value)
            return values.count == 1 ? values[0] : nil
        }
    }

    private struct State {
        var questions: [Question] = []
        var connections = 0
        var atOnce = 0
        var mostAtOnce = 0
    }

    let port: Int
    private let listener: CInt
    private let log = Log()

    private final class Log: Sendable {
        let state = Mutex(State())
    }

    /// - Parameter answer: the bytes to send; none at all end the connection. May block its thread.
    init(_ answer: @escaping @Sendable (Question) -> String) throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 1024) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.init(rawValue: errno) ?? .EINVAL) }
        port = Int(UInt16(bigEndian: address.sin_port))
        // The threads must not keep the server, whose end is theirs.
        Thread.detachNewThread { [log] in
            while case let socket = accept(listener, nil, nil), socket >= 0 {
                let number = log.state.withLock { state in
                    state.connections += 1
                    return state.connections
                }
                Thread.detachNewThread { Self.serve(socket, number, log, answer) }
            }
            close(listener)
        }
    }

    /// Ends the accept; to close the socket here would not.
    deinit { shutdown(listener, CInt(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)/who?key=planted-in-the-url" }
    var questions: [Question] { log.state.withLock(\.questions) }
    var connections: Int { log.state.withLock(\.connections) }
    /// The most questions that were being answered at the same time.
    var mostAtOnce: Int { log.state.withLock(\.mostAtOnce) }

    private static func serve(_ socket: CInt, _ number: Int, _ log: Log, _ answer: (Question) -> String) {
        defer { close(socket) }
        while let question = readQuestion(socket, number) {
            log.state.withLock { state in
                state.questions.append(question)
                state.atOnce += 1
                state.mostAtOnce = max(state.mostAtOnce, state.atOnce)
            }
            let bytes = Array(answer(question).utf8)
            log.state.withLock { $0.atOnce -= 1 }
            guard !bytes.isEmpty, send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else { return }
        }
    }

    private static func readQuestion(_ socket: CInt, _ number: Int) -> Question? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard recv(socket, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        var lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let line = lines.removeFirst()
        let fields = lines.map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            return (name: parts[0].lowercased(), value: parts.count > 1 ? parts[1] : "")
        }
        return Question(line: line, fields: fields, connection: number)
    }
}

/// A door that is closed until it is opened, for threads that may be blocked.
final class Gate: Sendable {
    private let isOpen = Mutex(false)

    func open() { isOpen.withLock { $0 = true } }

    /// Waits for a minute at most.
    func pass() {
        for _ in 0..<30_000 where !isOpen.withLock({ $0 }) { usleep(2000) }
    }
}
