import Glibc
import PluginTestKit
import Synchronization

/// What happens to one request on its way.
enum Fault: Sendable, Equatable {
    /// Nothing.
    case pass
    /// The connection is cut before the server sees the request.
    case cutBefore
    /// It is cut after so many bytes of the request's body, and before its last one in any case.
    case cutRequest(after: Int)
    /// The server answers, and the reply is lost.
    case loseReply
    /// The server gets the request twice, and the second reply is the one that arrives.
    case duplicate
    /// The server never sees the request: the proxy answers.
    case reply(Int, [String: String] = [:], String = "")
    /// The server sees the request, but the proxy answers.
    case replace(Int, [String: String] = [:], String = "")
    /// Nobody ever answers.
    case stall
    /// The reply stops after so many bytes of its body, and the connection stays.
    case stallReply(after: Int)
    /// The reply is cut after so many bytes of its body.
    case cutReply(after: Int)
    /// The body's byte at that place arrives with other bits.
    case flipRequest(at: Int)
    case flipReply(at: Int)
    /// The reply's head comes this much later, in milliseconds.
    case slow(Int)
}

/// A proxy between the plugin and a server, which does to each request what a rule says.
final class FaultProxy: Sendable {
    /// Sees the head of a request, and which one of this proxy's it is, from 0.
    typealias Rule = @Sendable (HTTPHead, Int) -> Fault

    private let state: State
    private let listener: Listener

    /// Shared with the threads of connections, which do not keep the proxy alive.
    private final class State: Sendable {
        let upstream: UInt16
        let rule: Mutex<Rule>
        let count = Atomic(0)
        let log = Mutex<[String]>([])
        let prefix: String

        init(_ upstream: UInt16, _ prefix: String, _ rule: @escaping Rule) {
            self.upstream = upstream
            self.prefix = prefix
            self.rule = Mutex(rule)
        }
    }

    /// - Parameter prefix: what the paths of requests begin with, which the server does not see.
    init(
        to server: S3Server = .seaweedfs, takingAway prefix: String = "", _ rule: @escaping Rule = { _, _ in .pass }
    ) {
        let state = State(server.port, prefix, rule)
        self.state = state
        listener = Listener { FaultProxy.serve($0, state) }
    }

    var url: String { "http://127.0.0.1:\(listener.port)" }

    /// Another rule from now on.
    func set(_ rule: @escaping Rule) { state.rule.withLock { $0 = rule } }

    /// "METHOD target" of the requests so far.
    var requests: [String] { state.log.withLock { $0 } }

    private static func serve(_ client: Socket, _ state: State) {
        let incoming = HTTPStream(client)
        var outgoing: HTTPStream?
        while let head = incoming.head() {
            let number = state.count.wrappingAdd(1, ordering: .relaxed).oldValue
            state.log.withLock { $0.append("\(head.method) \(head.target)") }
            let fault = state.rule.withLock { $0 }(head, number)
            guard handle(fault, head.taking(away: state.prefix), incoming, &outgoing, state) else {
                client.cut()
                return
            }
        }
    }

    /// - Returns: false to cut the connection.
    private static func handle(
        _ fault: Fault, _ head: HTTPHead, _ incoming: HTTPStream, _ outgoing: inout HTTPStream?, _ state: State
    ) -> Bool {
        let length = Int(head.fields["content-length"] ?? "0") ?? 0
        if fault == .cutBefore { return false }
        if case .cutRequest(let count) = fault {
            guard length > 0 else { return false }
            let upstream = Socket(port: state.upstream)
            upstream?.send(head.bytes)
            _ = incoming.body(min(count, length - 1)) { upstream?.send($0) ?? false }
            upstream?.cut()
            return false
        }
        guard var body = incoming.body(length) else { return false }
        switch fault {
        case .stall:
            waitForEnd(of: incoming.socket)
            return false
        case .reply(let status, let fields, let text):
            return incoming.socket.send(reply(status, fields, head.method == "HEAD" ? nil : text))
        case .flipRequest(let place): if place < body.count { body[place] ^= 0x10 }
        default: break
        }
        for attempt in 0..<(fault == .duplicate ? 2 : 1) {
            guard let answer = forward(head, body, &outgoing, state.upstream) else { return false }
            if fault == .duplicate, attempt == 0 {
                _ = outgoing?.wholeBody(of: answer, toHead: head.method == "HEAD")
                continue
            }
            return relay(answer, fault, head, incoming.socket, outgoing)
        }
        return false
    }

    private static func forward(
        _ head: HTTPHead, _ body: [UInt8], _ outgoing: inout HTTPStream?, _ port: UInt16
    ) -> HTTPHead? {
        // A connection that the server has dropped meanwhile gets one more chance, with a new one.
        for _ in 0..<2 {
            if outgoing == nil { outgoing = Socket(port: port).map(HTTPStream.init) }
            if let stream = outgoing, stream.socket.send(head.bytes), stream.socket.send(body),
                let answer = stream.head()
            {
                return answer
            }
            outgoing = nil
        }
        return nil
    }

    private static func relay(
        _ answer: HTTPHead, _ fault: Fault, _ head: HTTPHead, _ client: Socket, _ outgoing: HTTPStream?
    ) -> Bool {
        let isHead = head.method == "HEAD"
        if case .slow(let milliseconds) = fault { usleep(UInt32(milliseconds) * 1000) }
        guard let outgoing else { return false }
        guard !isHead, answer.status == 200 || answer.status == 206,
            let length = answer.fields["content-length"].flatMap({ Int($0) })
        else {
            guard let body = outgoing.wholeBody(of: answer, toHead: isHead) else { return false }
            return send(answer, body, fault, isHead: isHead, client)
        }
        if case .replace = fault {
            _ = outgoing.body(length)
            return send(answer, [], fault, isHead: false, client)
        }
        if fault == .loseReply {
            _ = outgoing.body(length)
            return false
        }
        guard client.send(answer.bytes) else { return false }
        return stream(length, fault, from: outgoing, to: client)
    }

    private static func stream(_ length: Int, _ fault: Fault, from source: HTTPStream, to client: Socket) -> Bool {
        var place = 0
        return source.body(length) { piece in
            var piece = Array(piece)
            switch fault {
            case .cutReply(let limit) where place + piece.count > limit:
                client.send(piece.prefix(max(0, limit - place)))
                return false
            case .stallReply(let limit) where place + piece.count > limit:
                client.send(piece.prefix(max(0, limit - place)))
                waitForEnd(of: client)
                return false
            case .flipReply(let target) where (place..<place + piece.count).contains(target):
                piece[target - place] ^= 0x10
            default: break
            }
            place += piece.count
            return client.send(piece)
        }
    }

    /// Sends a reply whose body is known as a whole.
    private static func send(
        _ answer: HTTPHead, _ body: [UInt8], _ fault: Fault, isHead: Bool, _ client: Socket
    ) -> Bool {
        switch fault {
        case .loseReply: return false
        case .replace(let status, let fields, let text): return client.send(reply(status, fields, isHead ? nil : text))
        default: break
        }
        var fields = answer.fields
        fields["transfer-encoding"] = nil
        if !isHead, answer.status != 204, answer.status != 304 { fields["content-length"] = String(body.count) }
        let lines = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        let start = "HTTP/1.1 \(answer.start.dropFirst().joined(separator: " "))\r\n"
        return client.send(Array((start + lines + "\r\n").utf8) + body)
    }

    private static func reply(_ status: Int, _ fields: [String: String], _ text: String?) -> [UInt8] {
        let lines = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        let length = text.map { "Content-Length: \($0.utf8.count)\r\n" } ?? ""
        return Array("HTTP/1.1 \(status) Planned\r\n\(lines)\(length)\r\n\(text ?? "")".utf8)
    }

    private static func waitForEnd(of socket: Socket) {
        while !socket.receive(4096).isEmpty {}
    }
}

/// The body of an error as S3 writes it.
func errorBody(_ code: String, _ more: String = "") -> String {
    "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>as planned</Message>\(more)</Error>"
}
