import FPContext
import FPFormats
import Logging
import NIOCore

/// What one line of the access log says.
struct AccessRecord {
    /// The status for a client that went away before it had its answer, as nginx logs it.
    static let clientGone = 499

    let id: String
    let client: String
    let method: String
    let path: String
    let started: NIODeadline
    var status = 0
    var bytesIn: Int64 = 0
    var bytesOut: Int64 = 0

    /// Writes the line.
    ///
    /// - Parameter isAborted: Whether the response was broken off after its status had gone out.
    func log(to logger: Logger, isAborted: Bool = false) {
        guard logger.logLevel <= .info else {
            return
        }
        let microseconds = (NIODeadline.now() - started).nanoseconds / 1000
        logger.info(
            "\(method) \(path) \(status)\(isAborted ? " aborted" : "")",
            metadata: [
                RequestContext.metadataKey: "\(id)",
                "client": "\(client)",
                "bytes_in": "\(bytesIn)",
                "bytes_out": "\(bytesOut)",
                "ms": "\(microseconds / 1000).\(String(microseconds % 1000 + 1000).dropFirst())",
            ]
        )
    }

    /// A request target fit for a log line: cut to a sane length, printable, and without the query's values, which
    /// may be tokens or signed URLs.
    static func path(of target: String) -> String {
        let query = target.cut(at: "?")
        var line = printable(query?.before ?? target[...], limit: 512)
        if let query {
            let names = query.behind.parts(at: "&").filter { !$0.isEmpty }.map { pair in
                pair.cut(at: "=").map { printable($0.before, limit: 32) + "=" } ?? "-"
            }
            line += "?" + names.prefix(8).joined(separator: "&")
        }
        return line
    }

    private static func printable(_ text: Substring, limit: Int) -> String {
        let cut = String(Substring(text.unicodeScalars.prefix(limit)))
        return cut.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? cut : cut.debugDescription
    }
}
