import FPContext
import HTTPTypes
import Logging
import NIOCore
import NIOHTTP1

/// The task of one request: runs the handler, and sends what it answers.
struct Responder: Sendable {
    let server: ServerCore
    let exchange: ExchangeHandle
    let request: Request
    let version: HTTPVersion

    /// A stream that did not keep to its length.
    private struct WrongLength: Error, CustomStringConvertible {
        let promised: Int64
        let made: Int64

        var description: String { "it promised \(promised) bytes and made \(made)" }
    }

    func run() async {
        await RequestContext.$current.withValue(RequestContext(id: request.id)) { await answer() }
        server.tasks.leave()
    }

    private func answer() async {
        var response = await server.handler.respond(to: request)
        server.configuration.cors?.apply(to: &response.headers, for: request.headers)
        await send(response)
        response.body.discard()
    }

    private func send(_ response: Response) async {
        let head: ResponseHead
        do throws(ResponseHead.Invalid) {
            head = try ResponseHead(response, to: request.method, version)
        } catch {
            log("The handler's response cannot be sent: \(error).")
            sendFailure()
            return
        }
        switch response.body.content {
        case .stream(_, let stream) where head.framing != .none:
            await send(head, stream)
        case .file(let file) where head.framing != .none:
            exchange.respond(head, file)
        case .bytes(let bytes) where head.framing != .none:
            exchange.respond(head, bytes)
        default:
            exchange.respond(head, ByteBuffer())
        }
    }

    private func send(_ head: ResponseHead, _ stream: ResponseStream) async {
        var promised: Int64?
        if case .length(let length) = head.framing {
            promised = length
        }
        var made: Int64 = 0
        var hasBegun = false
        do {
            try await stream.produce { buffer in
                made += Int64(buffer.readableBytes)
                if let promised, made > promised {
                    throw WrongLength(promised: promised, made: made)
                }
                if hasBegun {
                    try await exchange.write(buffer)
                } else {
                    hasBegun = true
                    try await exchange.begin(head, buffer)
                }
            }
            if let promised, made < promised {
                throw WrongLength(promised: promised, made: made)
            }
            if !hasBegun {
                hasBegun = true
                try await exchange.begin(head, ByteBuffer())
            }
            exchange.finish()
        } catch is ClientGone {
            // The connection knows, and has logged it.
        } catch {
            // A task is cancelled when its client is gone, and what fails then is no fault of the server.
            if !Task.isCancelled { log("The response's body failed: \(error).") }
            if hasBegun {
                exchange.abort()
            } else {
                sendFailure()
            }
        }
    }

    private func sendFailure() {
        var response = server.handler.refusal(
            .internalServerError, "The server failed to answer; its log says why.", target: request.target,
            requestID: request.id)
        server.configuration.cors?.apply(to: &response.headers, for: request.headers)
        if let head = try? ResponseHead(response, to: request.method, version),
            case .bytes(let bytes) = response.body.content
        {
            exchange.respond(head, bytes)
        }
    }

    private func log(_ message: Logger.Message) {
        server.logger.error(message)
    }
}
