import FPFormats
import HTTPTypes
import NIOHTTP1

extension HTTPVersion {
    /// Whether interim responses are understood, and in HTTP/1 chunks and connections that stay open. The parser lets only
    /// 1.x by.
    var isAtLeast11: Bool { isAtLeast2 || minor >= 1 }
    /// Whether messages come in frames.
    var isAtLeast2: Bool { major >= 2 }
}

/// A parsed head against the rules that the parser leaves to us.
struct RequestCheck {
    enum Outcome {
        case accepted(RequestTarget)
        /// The framing is understood, so the connection may go on.
        case refused(HTTPResponse.Status, String)
    }

    let outcome: Outcome
    let contentLength: Int64?
    let keepsAlive: Bool
    let expectsContinue: Bool

    init(_ head: RequestHead, limits: HTTPServer.Limits) {
        let framing = Framing(head)
        contentLength = framing.contentLength
        let expect = head.fields[values: .expect].first
        expectsContinue = expect?.asciiLowercased() == "100-continue" && head.version.isAtLeast11 && contentLength != 0
        // The parser stops after a request that asks to switch protocols, so nothing can follow it.
        keepsAlive =
            framing.isSound && head.keepsAlive && head.method != .connect && !head.fields.contains(.upgrade)
        outcome = Self.outcome(head, framing, limits, expect: expect)
    }

    private static func outcome(
        _ head: RequestHead,
        _ framing: Framing,
        _ limits: HTTPServer.Limits,
        expect: String?
    ) -> Outcome {
        if let problem = framing.problem {
            return .refused(problem.status, problem.sentence)
        }
        if head.target.utf8.count > limits.target {
            return .refused(.uriTooLong, "The request target is longer than \(limits.target) bytes.")
        }
        let size = head.fields.reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count }
        if size > limits.headers || head.fields.count > limits.headerCount {
            return .refused(
                .requestHeaderFieldsTooLarge,
                "The header fields are more than \(limits.headerCount), or longer than \(limits.headers) bytes."
            )
        }
        let hosts = head.fields[values: .hostField]
        if hosts.count > 1 || hosts.isEmpty && head.version.isAtLeast11 {
            return .refused(.badRequest, "A request must name exactly one host.")
        }
        if head.method == .connect {
            return .refused(.methodNotAllowed, "This server is no proxy: CONNECT is not for it.")
        }
        if let expect, expect.asciiLowercased() != "100-continue" {
            return .refused(.expectationFailed, "The only expectation that can be met is 100-continue.")
        }
        do throws(RequestPath.Refusal) {
            return .accepted(try RequestTarget(head.target))
        } catch {
            return .refused(.badRequest, error.sentence)
        }
    }

    /// How long the body is (RFC 9112, section 6.3; RFC 9113, section 8.1.1). Where two readings are possible there is none.
    private struct Framing {
        var contentLength: Int64? = 0
        var problem: (status: HTTPResponse.Status, sentence: String)?

        var isSound: Bool { problem == nil }

        init(_ head: RequestHead) {
            let lengths = head.fields[values: .contentLength]
            if head.version.isAtLeast2, lengths.isEmpty {
                contentLength = head.endsRequest ? 0 : nil
                return
            }
            // By field and by comma: what is left out as empty is no less a way to read the request otherwise.
            let fields = head.fields[values: .transferEncoding]
            let codings = fields.flatMap { $0.parts(at: ",") }.map { $0.trimmingBlanks().asciiLowercased() }
            if !fields.isEmpty {
                contentLength = nil
                if !lengths.isEmpty {
                    problem = (.badRequest, "Content-Length and Transfer-Encoding exclude each other.")
                } else if !head.version.isAtLeast11 {
                    problem = (.badRequest, "HTTP/1.0 has no Transfer-Encoding.")
                } else if codings.last != "chunked" {
                    problem = (.badRequest, "Transfer-Encoding must end with chunked, or the body has no known end.")
                } else if fields.count > 1 || codings.contains("") || codings.dropLast().contains("chunked") {
                    problem = (.badRequest, "Transfer-Encoding must come once, and name chunked once.")
                } else if codings.count > 1 {
                    problem = (.notImplemented, "The only Transfer-Encoding understood is chunked.")
                }
            } else if let length = lengths.first {
                // The parser has read it too; this is for the number, and against any other reading of it.
                let isNumber = length.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
                if lengths.count == 1, isNumber, let number = Int64(length) {
                    contentLength = number
                } else {
                    contentLength = nil
                    problem = (.badRequest, "Content-Length is not one number that fits 63 bits.")
                }
            }
        }
    }
}
