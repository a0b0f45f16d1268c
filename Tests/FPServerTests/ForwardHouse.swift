import FPCatalog
import FPForwardAuth
import FPHTTP
import FPServer
import Logging
import Support
import Synchronization
import Testing

/// A clock that a test moves.
final class HandClock: Sendable {
    private let time = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { time.withLock { $0 } }
    func pass(_ duration: Duration) { time.withLock { $0 += duration } }
}

/// A server that asks an application who its visitors are.
struct ForwardHouse {
    let house: ServerHouse
    let application: VisitorsApplication
    let clock: HandClock
    let log: LogLines

    /// The application knows `session=NAME` as that user until a test says otherwise.
    static func with(
        _ change: @escaping (inout ForwardSettings, inout ServerSettings) -> Void = { _, _ in },
        answer: @escaping @Sendable (VisitorsApplication.Question) -> String = Self.byCookie,
        _ body: (ForwardHouse) async throws -> Void
    ) async throws {
        let application = try VisitorsApplication(answer)
        let (clock, log) = (HandClock(), LogLines())
        try await ServerHouse.with({ _, settings in
            var forward = ForwardSettings(url: application.url)
            // A busy machine is no fault of the application's.
            forward.timeout = .seconds(60)
            change(&forward, &settings)
            settings.authenticators = [
                try ForwardAuthenticator(
                    forward, version: "test", now: { clock.now }, logger: log.logger)
            ]
        }) { house in
            try await body(ForwardHouse(house: house, application: application, clock: clock, log: log))
        }
    }

    @Sendable
    static func byCookie(_ question: VisitorsApplication.Question) -> String {
        guard let cookie = question["cookie"], let name = cookie.split(separator: "session=").last, name != "none"
        else {
            return reply(401)
        }
        return reply(204, "X-FPHost-Owner: \(name)")
    }

    static func reply(_ status: Int, _ fields: String...) -> String {
        "HTTP/1.1 \(status) Whatever\r\n" + fields.map { $0 + "\r\n" }.joined()
            + (status == 204 ? "\r\n" : "Content-Length: 6\r\n\r\nsecret")
    }

    func process(_ fields: [(String, String)]) async throws -> HTTPReply {
        var form = Form()
        form.add("filepond", file: "a.txt", Array("hello".utf8))
        return try await house.send("POST", "/fp/process/", form.headers + fields, form.body)
    }

    func announce(_ visitor: (String, String)) async throws -> String {
        var form = Form()
        form.add("filepond", "{}")
        return try await house.send(
            "POST", "/fp/process/", form.headers + [("Upload-Length", "3"), visitor], form.body
        ).text
    }

    func owner(_ id: String) async throws -> String? {
        let id = try #require(UploadID(id), "\(id)")
        return try #require(try await house.uploads.upload(id)).owner
    }
}

/// What was logged.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }
    var logger: Logger { Logger(label: "test") { _ in Handler(book: self) } }

    private struct Handler: LogHandler {
        let book: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { book.lines.withLock { $0.append("\(event.level) \(event.message)") } }
    }
}
