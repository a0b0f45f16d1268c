import PluginTestKit

/// The head of a request or reply, as it came.
struct HTTPHead: Sendable {
    let bytes: [UInt8]
    /// "GET /bucket/key?query HTTP/1.1", or "HTTP/1.1 200 OK".
    let start: [String]
    let fields: [String: String]

    var method: String { start[0] }
    var target: String { start.count > 1 ? start[1] : "" }
    var status: Int { start.count > 1 ? Int(start[1]) ?? 0 : 0 }

    /// Path without the query.
    var path: String { String(target.prefix { $0 != "?" }) }
    var query: String { String(target.drop { $0 != "?" }.dropFirst()) }

    init?(_ bytes: [UInt8]) {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: true)
        guard let first = lines.first else { return nil }
        self.bytes = bytes
        start = first.split(separator: " ").map(String.init)
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields[line[..<colon].lowercased()] = String(value)
        }
        self.fields = fields
    }
}

extension HTTPHead {
    /// The head as it is without the beginning of its path.
    func taking(away prefix: String) -> HTTPHead {
        guard !prefix.isEmpty, target.hasPrefix(prefix) else { return self }
        let text = String(decoding: bytes, as: UTF8.self)
        let start = "\(method) \(target)"
        let rest = text.dropFirst(start.count)
        return HTTPHead(Array("\(method) \(target.dropFirst(prefix.count))\(rest)".utf8)) ?? self
    }
}

/// Reads messages from a socket, with what was read too far kept for the next one.
final class HTTPStream {
    let socket: Socket
    private var buffered: [UInt8] = []

    init(_ socket: Socket) { self.socket = socket }

    /// The next head; nil at the end.
    func head() -> HTTPHead? {
        var searched = 0
        while true {
            if let end = endOfHead(from: searched) {
                let head = Array(buffered[..<end])
                buffered.removeSubrange(..<end)
                return HTTPHead(head)
            }
            searched = max(0, buffered.count - 3)
            let more = socket.receive(64 << 10)
            guard !more.isEmpty else { return nil }
            buffered += more
        }
    }

    private func endOfHead(from start: Int) -> Int? {
        guard buffered.count >= 4 else { return nil }
        return (start...(buffered.count - 4)).first {
            buffered[$0] == 13 && buffered[$0 + 1] == 10 && buffered[$0 + 2] == 13 && buffered[$0 + 3] == 10
        }.map { $0 + 4 }
    }

    /// Hands out exactly `count` bytes, piece by piece.
    /// - Returns: false if the other side ended early, or `body` did not want more.
    func body(_ count: Int, _ body: (ArraySlice<UInt8>) -> Bool) -> Bool {
        var left = count
        while left > 0 {
            if buffered.isEmpty { buffered = socket.receive() }
            guard !buffered.isEmpty else { return false }
            let piece = buffered.prefix(left)
            left -= piece.count
            let goesOn = body(piece)
            buffered.removeFirst(piece.count)
            guard goesOn else { return false }
        }
        return true
    }

    func body(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        return body(count) { piece in
            bytes += piece
            return true
        } ? bytes : nil
    }

    /// A line with its end.
    private func line() -> [UInt8]? {
        while true {
            if let end = buffered.firstIndex(of: 10) {
                let line = Array(buffered[...end])
                buffered.removeSubrange(...end)
                return line
            }
            let more = socket.receive()
            guard !more.isEmpty else { return nil }
            buffered += more
        }
    }

    /// The body that a head announces, its chunks put together; nil if it is cut short.
    func wholeBody(of head: HTTPHead, toHead: Bool = false) -> [UInt8]? {
        if toHead || head.status == 204 || head.status == 304 { return [] }
        if let count = head.fields["content-length"].flatMap({ Int($0) }) { return body(count) }
        guard head.fields["transfer-encoding"]?.lowercased() == "chunked" else { return [] }
        var bytes: [UInt8] = []
        while let size = line() {
            let digits = String(decoding: size, as: UTF8.self).prefix { $0.isHexDigit }
            guard let count = Int(digits, radix: 16), let chunk = body(count) else { return nil }
            bytes += chunk
            _ = line()
            if count == 0 { return bytes }
        }
        return nil
    }
}

/// Makes a request without any header of ours.
func fetch(_ url: String, method: String = "GET") throws -> (head: HTTPHead, body: [UInt8]) {
    let rest = url.dropFirst("http://".count)
    let authority = rest.prefix { $0 != "/" }
    guard let port = authority.split(separator: ":").last.flatMap({ UInt16($0) }), let socket = Socket(port: port)
    else {
        throw Problem("cannot connect to \(authority)")
    }
    let path = rest.dropFirst(authority.count)
    socket.send(Array("\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n\r\n".utf8))
    let stream = HTTPStream(socket)
    guard let head = stream.head(), let body = stream.wholeBody(of: head, toHead: method == "HEAD") else {
        throw Problem("no reply from \(authority)")
    }
    return (head, body)
}
