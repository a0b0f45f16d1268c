import FPConfig
import FPCurl
import Foundation

/// A client of a running host's application API.
struct APIClient {
    let base: String
    let socketPath: String?
    let token: String

    /// A client of the host that these settings describe.
    init(_ settings: Settings) throws {
        // A certificate is for a name that only its operator knows, and a socket unit for addresses that are only there.
        let known = settings.server.listen.first { address in
            if case .inherited = address { false } else { !address.isEncrypted }
        }
        guard let address = known else {
            throw Refusal(.configuration, "server.listen has https:// or systemd only; use --url")
        }
        switch address {
        case .inherited:
            preconditionFailure("left out above")
        case .unix(let path):
            base = "http://localhost"
            socketPath = path
        case .tcp(let host, let port), .tls(let host, let port):
            guard port != 0 else {
                throw Refusal(.configuration, "server.listen has port 0, which the system chooses; use --url")
            }
            let isEverywhere = host == nil || host == "0.0.0.0" || host == "::"
            let name = isEverywhere ? "127.0.0.1" : host ?? ""
            base = "http://" + (name.contains(":") ? "[\(name)]" : name) + ":\(port)"
            socketPath = nil
        }
        token = try Self.token(settings)
    }

    /// A client of the host at a URL, with the token of these settings.
    init(_ settings: Settings, url: String) throws {
        base = url.hasSuffix("/") ? String(url.dropLast()) : url
        socketPath = nil
        token = try Self.token(settings)
    }

    private static func token(_ settings: Settings) throws -> String {
        switch settings.api.tokens.first {
        case .value(let secret): return secret.value
        case .file(let path):
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw Refusal(
                    .configuration, "cannot read the token in \(path); the host makes it when it first starts")
            }
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        case nil:
            throw Refusal(.configuration, "api.tokens is empty, so the application API is closed; add a token")
        }
    }

    /// An answer.
    struct Reply {
        let status: Int
        let body: Data
    }

    /// Sends one request.
    /// - Parameter output: takes the body of a successful answer instead of the reply.
    func send(_ method: String, _ path: String, json: Data? = nil, to output: FileHandle? = nil) throws -> Reply {
        var options = EasyOptions(url: base + path)
        options.method = method
        options.fields = ["Authorization: Bearer \(token)", "Content-Type: application/json"]
        options.unixSocketPath = socketPath
        if let json { options.body = .bytes(Array(json)) }
        let answer = Answer(output)
        do throws(CurlFailure) {
            try options.perform(answer)
        } catch {
            throw Refusal(
                .unavailable,
                "no fphost answers at \(socketPath ?? base): \(error.meaning); start it, or give its --url")
        }
        return Reply(status: answer.status, body: answer.body)
    }

    private final class Answer: EasyDelegate {
        private let output: FileHandle?
        private(set) var status = 0
        private(set) var body = Data()

        init(_ output: FileHandle?) { self.output = output }

        func receive(head: ResponseHead) -> Bool {
            status = head.status
            return true
        }

        func receive(body piece: UnsafeRawBufferPointer) -> Intake {
            guard let output, status < 300 else {
                body.append(contentsOf: piece)
                return .taken
            }
            return (try? output.write(contentsOf: Data(piece))) != nil ? .taken : .unwanted
        }
    }
}
