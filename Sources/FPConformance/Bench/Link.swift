import FPContractDriver
import FPPluginAPI
import Glibc

/// What a client sees that follows a link, as far as it comes over plain HTTP: the kit brings no TLS.
enum Link {
    /// The fields of the reply to a GET, with their names in lower case.
    /// - Throws: `Inapplicable` for a link that the kit cannot follow.
    static func fields(of url: String) throws -> [String: String] {
        let scheme = "http://"
        guard url.hasPrefix(scheme) else { throw Inapplicable(reason: "its links are not plain HTTP") }
        let rest = url.utf8.dropFirst(scheme.utf8.count)
        let authority = rest.prefix { $0 != UInt8(ascii: "/") }
        let target = String(rest.dropFirst(authority.count)) ?? ""
        let words = authority.split(separator: UInt8(ascii: ":")).map { String($0) ?? "" }
        guard let host = words.first, words.count <= 2,
            let connection = connect(to: host, port: words.count == 2 ? words[1] : "80")
        else { throw Inapplicable(reason: "nothing answers where its links lead") }
        defer { close(connection) }
        let request = "GET \(target) HTTP/1.1\r\nHost: \(String(authority) ?? "")\r\nConnection: close\r\n\r\n"
        var bytes = Array(request.utf8)
        guard send(connection, &bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Broken("its link ends the connection", .slot("presign"))
        }
        let lines = head(from: connection).split(separator: "\r\n")
        guard let status = lines.first, status.utf8.split(separator: UInt8(ascii: " ")).dropFirst().first?.first == 50
        else {
            throw Broken("its link is answered with \"\(lines.first ?? "nothing")\"", .slot("presign"))
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[line.utf8.index(after: colon)...].drop { $0 == " " }
            fields[line[..<colon].lowercased()] = String(value)
        }
        return fields
    }

    private static func head(from connection: Int32) -> String {
        var collected: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while collected.count < 65536 {
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            collected += chunk.prefix(count)
            let text = String(decoding: collected, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") { return String(text[..<end.lowerBound]) }
        }
        return ""
    }

    private static func connect(to host: String, port: String) -> Int32? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, port, &hints, &found) == 0 else { return nil }
        defer { freeaddrinfo(found) }
        var next = found
        while let address = next?.pointee {
            let descriptor = socket(
                address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
            if descriptor >= 0 {
                var limit = timeval(tv_sec: 20, tv_usec: 0)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
                if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
                close(descriptor)
            }
            next = address.ai_next
        }
        return nil
    }
}

extension Bench {
    /// Throws unless a client that follows a link to `key` finds all of the metadata that one to `source` shows, for
    /// the contract has no other way to see it.
    func check(_ key: String, in store: Store, hasMetadata value: String, of shown: [String: String]) throws {
        let names = shown.filter { $0.value == value }.map(\.key)
        guard !names.isEmpty else { throw Inapplicable(reason: "its links do not show metadata") }
        let fields = try Link.fields(of: try store.presign(key).url)
        for name in names {
            try check(
                fields[name] == value,
                "of the metadata \"\(value)\", a link to the target shows \(fields[name] ?? "none")")
        }
    }
}
