import FPConfig
import FPContext
import FPFormats
import Glibc
import Logging

/// Makes log lines for standard error: one line for each message, for people or for machines.
struct LineLogHandler: LogHandler {
    private let label: String
    private let format: Settings.Log.Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider? = .requestContext

    init(label: String, settings: Settings.Log) {
        self.label = label
        format = settings.format
        logLevel = Logger.Level(settings.level)
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let current = metadataProvider?.get() { fields.merge(current) { $1 } }
        if let more = event.metadata { fields.merge(more) { $1 } }
        let sorted = fields.sorted { $0.key < $1.key }
        var line =
            switch format {
            case .text: Self.textLine(event, sorted)
            case .json: Self.jsonLine(event, sorted)
            }
        line += "\n"
        StandardError.print(line, isImportant: event.level >= .warning)
    }

    /// The line that is logged in the place of dropped ones.
    static func dropNotice(_ settings: Settings.Log) -> @Sendable (Int) -> String {
        { count in
            let message = "\(count) lines were dropped: standard error was not read"
            switch settings.format {
            case .text: return "\(timestamp()) WARNING \(message)\n"
            case .json:
                return "{\"time\":\"\(timestamp())\",\"level\":\"warning\",\"message\":\(JSON.quoted(message))}\n"
            }
        }
    }

    private static func textLine(_ event: LogEvent, _ fields: [(key: String, value: Logger.Metadata.Value)]) -> String {
        var line = "\(timestamp()) \(event.level.rawValue.uppercased()) \(oneLine("\(event.message)"))"
        for (key, value) in fields {
            let text = "\(value)"
            let needsQuotes = text.isEmpty || text.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" }
            line += needsQuotes ? " \(key)=\(JSON.quoted(text))" : " \(key)=\(oneLine(text))"
        }
        return line
    }

    private static func jsonLine(_ event: LogEvent, _ fields: [(key: String, value: Logger.Metadata.Value)]) -> String {
        var members = [
            "\"time\":\"\(timestamp())\"", "\"level\":\"\(event.level.rawValue)\"",
            "\"message\":\(JSON.quoted("\(event.message)"))",
        ]
        for (key, value) in fields { members.append("\(JSON.quoted(key)):\(JSON.quoted("\(value)"))") }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// A message with a client's text in it must not be able to forge a line of its own.
    private static func oneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return String(JSON.quoted(text).unicodeScalars.dropFirst().dropLast())
    }

    /// RFC 3339, in UTC, to the millisecond.
    private static func timestamp() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return InternetTime.text(
            millisecondsSince1970: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000)
    }
}

extension Logger.Level {
    init(_ level: Settings.Log.Level) {
        self =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            }
    }
}
