import FPContext
import FPHTTP
import Logging
import NIOCore
import Synchronization

/// A handler in a closure.
struct Handling: RequestHandler {
    let answer: @Sendable (Request) async -> Response

    func respond(to request: Request) async -> Response {
        await answer(request)
    }
}

/// Keeps log lines.
final class LogBook: Sendable {
    let lines = Watched<[String]>([])

    var logger: Logger {
        Logger(label: "test") { _ in Handler(book: self) }
    }

    private struct Handler: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var metadataProvider: Logger.MetadataProvider? = .requestContext
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
            let pairs = all.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = "\(event.level) \(event.message) \(pairs.joined(separator: " "))"
            book.lines.change { $0.append(line) }
        }
    }
}

/// A server on a port of its own for the length of `work`.
func withServer(
    log: LogBook = LogBook(),
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    answering answer: @escaping @Sendable (Request) async -> Response,
    _ work: (SocketAddress) async throws -> Void
) async throws {
    try await withServer(log: log, configure: configure, handler: Handling(answer: answer), work)
}

/// A server with that handler on a port of its own for the length of `work`.
func withServer(
    log: LogBook = LogBook(),
    configure: (inout HTTPServer.Configuration) -> Void = { _ in },
    handler: any RequestHandler,
    _ work: (SocketAddress) async throws -> Void
) async throws {
    var configuration = HTTPServer.Configuration(addresses: [.tcp(host: "127.0.0.1", port: 0)])
    configuration.eventLoops = 1
    configure(&configuration)
    let server = HTTPServer(configuration: configuration, logger: log.logger, handler: handler)
    let addresses = try await server.start()
    do {
        try await work(addresses[0])
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}

/// Reads a body to its end and answers with it, or with the error.
@Sendable
func echo(_ request: Request) async -> Response {
    do throws(BodyError) {
        return Response(.ok, body: .bytes(try await request.body.collect(upTo: 1 << 20)))
    } catch {
        return .text(.badRequest, "\(error)")
    }
}

/// Answers with what was asked for.
@Sendable
func mirror(_ request: Request) async -> Response {
    .text(.ok, "\(request.method) \(request.path)")
}

func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
}

/// An answer that cannot be sent, because of the value of a field.
func unsendable() -> Response {
    var response = Response(.ok)
    response.addField(.location, untrusted: "/a\nb")
    return response
}
