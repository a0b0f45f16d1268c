import CCurl
import FPConfig
import Foundation

/// A client of a running host's application API.
struct APIClient {
    let base: String
    let socketPath: String?
    let token: String

    /// A client of the host that these settings describe.
    init(_ settings: Settings) throws {
        switch settings.server.listen[0] {
        case .unix(let path):
            base = "http://localhost"
            socketPath = path
        case .tcp(let host, let port):
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
        guard let easy = curl_easy_init() else { throw Refusal(.failure, "libcurl does not start") }
        defer { curl_easy_cleanup(easy) }
        let sink = Sink(easy: easy, output: output)
        // The transfer ends before `sink` goes out of scope below.
        let context = Unmanaged.passUnretained(sink).toOpaque()
        var headers = curl_slist_append(nil, "Authorization: Bearer \(token)")
        headers = curl_slist_append(headers, "Content-Type: application/json")
        defer { curl_slist_free_all(headers) }
        _ = fp_curl_easy_setopt_string(easy, CURLOPT_URL, base + path)
        _ = fp_curl_easy_setopt_string(easy, CURLOPT_CUSTOMREQUEST, method)
        _ = fp_curl_easy_setopt_string(easy, CURLOPT_PROXY, "")
        _ = fp_curl_easy_setopt_slist(easy, CURLOPT_HTTPHEADER, headers)
        _ = fp_curl_easy_setopt_long(easy, CURLOPT_NOSIGNAL, 1)
        if let socketPath { _ = fp_curl_easy_setopt_string(easy, CURLOPT_UNIX_SOCKET_PATH, socketPath) }
        if let json {
            _ = fp_curl_easy_setopt_long(easy, CURLOPT_POSTFIELDSIZE, json.count)
            _ = fp_curl_easy_setopt_string(easy, CURLOPT_COPYPOSTFIELDS, String(decoding: json, as: UTF8.self))
        }
        _ = fp_curl_easy_setopt_pointer(easy, CURLOPT_WRITEDATA, context)
        _ = fp_curl_easy_setopt_write(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let data = Data(bytes: bytes, count: size * count)
            return Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue().take(data) ? data.count : 0
        }
        let result = withExtendedLifetime(sink) { curl_easy_perform(easy) }
        guard result == CURLE_OK else {
            let reason = String(cString: curl_easy_strerror(result))
            throw Refusal(
                .unavailable, "no fphost answers at \(socketPath ?? base): \(reason); start it, or give its --url")
        }
        return Reply(status: sink.status, body: sink.body)
    }

    private final class Sink {
        private let easy: UnsafeMutableRawPointer
        private let output: FileHandle?
        private(set) var body = Data()

        init(easy: UnsafeMutableRawPointer, output: FileHandle?) {
            self.easy = easy
            self.output = output
        }

        var status: Int {
            var status = 0
            _ = fp_curl_easy_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
            return status
        }

        func take(_ data: Data) -> Bool {
            guard let output, status < 300 else {
                body.append(data)
                return true
            }
            return (try? output.write(contentsOf: data)) != nil
        }
    }
}
