import Foundation
import Glibc
import Synchronization

/// An application that takes events: a web server on bare sockets, with a thread per connection, that writes down what it
/// is sent and answers what a test tells it to.
final class ReceivingApplication: Sendable {
    /// What arrived.
    struct Message: Sendable {
        let line: String
        let fields: [String: String]
        let body: String

        var id: String { fields["webhook-id"] ?? "" }
    }

    private struct State {
        var messages: [Message] = []
        var atOnce = 0
        var mostAtOnce = 0
    }

    private final class Log: Sendable {
        let state = Mutex(State())
    }

    let port: Int
    private let listener: CInt
    private let log = Log()

    /// - Parameter answer: what comes behind `HTTP/1.1 `, and how often the message came before; nothing at all ends the
    ///   connection. May block its thread.
    init(_ answer: @escaping @Sendable (Message, _ before: Int) -> String) throws {
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
                Thread.detachNewThread { Self.serve(socket, log, answer) }
            }
            close(listener)
        }
    }

    /// Ends the accept; to close the socket here would not.
    deinit { shutdown(listener, CInt(SHUT_RDWR)) }

    var url: String { "http://127.0.0.1:\(port)/hooks?key=k" }
    var messages: [Message] { log.state.withLock(\.messages) }
    /// The most messages that were being answered at the same time.
    var mostAtOnce: Int { log.state.withLock(\.mostAtOnce) }

    private static func serve(_ socket: CInt, _ log: Log, _ answer: (Message, Int) -> String) {
        defer { close(socket) }
        while let message = read(socket) {
            let before = log.state.withLock { state in
                defer { state.messages.append(message) }
                state.atOnce += 1
                state.mostAtOnce = max(state.mostAtOnce, state.atOnce)
                return state.messages.count { $0.id == message.id }
            }
            let text = answer(message, before)
            log.state.withLock { $0.atOnce -= 1 }
            let bytes = Array("HTTP/1.1 \(text)\r\nContent-Length: 0\r\n\r\n".utf8)
            guard !text.isEmpty, send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL)) == bytes.count else { return }
        }
    }

    private static func read(_ socket: CInt) -> Message? {
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            guard recv(socket, &byte, 1, 0) == 1 else { return nil }
            head.append(byte)
        }
        var lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let line = lines.removeFirst()
        var fields: [String: String] = [:]
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            fields[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
        }
        var body = [UInt8](repeating: 0, count: Int(fields["content-length"] ?? "") ?? 0)
        guard body.isEmpty || recv(socket, &body, body.count, CInt(MSG_WAITALL)) == body.count else {
            return nil
        }
        return Message(line: line, fields: fields, body: String(decoding: body, as: UTF8.self))
    }
}
