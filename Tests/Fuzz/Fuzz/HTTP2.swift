import FPHTTP
import Foundation
import HTTPTypes
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Answers with the number of the body's bytes, or breaks off.
private struct Count: RequestHandler {
    func respond(to request: Request) async -> Response {
        var count = 0
        do {
            while let buffers = try await request.body.next() { count += buffers.reduce(0) { $0 + $1.readableBytes } }
        } catch {
            return .text(.badRequest, "\(error)")
        }
        return .text(.ok, "\(count)")
    }
}

/// A real server over TLS, and clients that choose HTTP/2 and send any bytes behind the handshake.
private final class FrameServer: Sendable {
    private let server: HTTPServer
    private let address: SocketAddress
    private let tls: NIOSSLContext

    /// What a client has got.
    private final class Incoming: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let bytes = Mutex<[UInt8]>([])
        let hasAnswer: EventLoopPromise<Void>

        init(_ hasAnswer: EventLoopPromise<Void>) { self.hasAnswer = hasAnswer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let isThere = bytes.withLock { bytes in
                bytes += unwrapInboundIn(data).readableBytesView
                return FrameServer.hasAnswer(bytes)
            }
            if isThere { hasAnswer.succeed() }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelInactive(context: ChannelHandlerContext) { hasAnswer.fail(ChannelError.eof) }
    }

    init() {
        let directory = "/tmp/fphost-fuzz-\(getpid())-tls"
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let files = TLSIdentity.Files(certificate: directory + "/cert.pem", key: directory + "/key.pem")
        let make = system(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=fuzz "
                + "-keyout \(files.key) -out \(files.certificate) 2>/dev/null")
        guard make == 0 else { fatalError("no certificate: openssl says \(make)") }
        var configuration = HTTPServer.Configuration(addresses: [.tls(host: "127.0.0.1", port: 0)])
        configuration.eventLoops = 1
        configuration.tls = files
        server = HTTPServer(
            configuration: configuration, logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() },
            handler: Count())
        let server = self.server
        address = awaited {
            guard let address = try? await server.start().first else { fatalError("no server") }
            return address
        }
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        client.applicationProtocols = ["h2"]
        guard let context = try? NIOSSLContext(configuration: client) else { fatalError("no client") }
        tls = context
    }

    /// Sends the bytes and ends, whatever comes back.
    func take(_ bytes: [UInt8]) {
        let (channel, _) = connect()
        try? channel.writeAndFlush(ByteBuffer(bytes: bytes)).wait()
        try? channel.close(mode: .output).wait()
        let isOver = DispatchSemaphore(value: 0)
        channel.closeFuture.whenComplete { _ in isOver.signal() }
        require(isOver.wait(timeout: .now() + 20) == .success, "the connection has no end within 20 s")
    }

    /// A request that is none of the fuzzer's.
    func serves() -> Bool {
        let (channel, incoming) = connect()
        let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
        let block: [UInt8] = [0x82, 0x87, 0x84, 0x41, 0x01, 0x74]
        let headers: [UInt8] = [0, 0, UInt8(block.count), 1, 5, 0, 0, 0, 1] + block
        try? channel.writeAndFlush(ByteBuffer(bytes: Self.preface + settings + headers)).wait()
        let isServed = (try? incoming.hasAnswer.futureResult.wait()) != nil
        channel.close(promise: nil)
        return isServed
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private static func hasAnswer(_ bytes: [UInt8]) -> Bool {
        var start = 0
        while bytes.count >= start + 9 {
            let length = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
            // A head on the first stream.
            if bytes[start + 3] == 1, bytes[start + 8] == 1 { return true }
            start += 9 + length
        }
        return false
    }

    private func connect() -> (any Channel, Incoming) {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let incoming = Incoming(loop.makePromise())
        let tls = self.tls
        do {
            let channel = try ClientBootstrap(group: loop)
                .channelOption(.allowRemoteHalfClosure, value: true)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(
                            NIOSSLClientHandler(context: tls, serverHostname: nil), incoming)
                    }
                }
                .connect(to: address).wait()
            return (channel, incoming)
        } catch {
            fatalError("no connection to the server: \(error)")
        }
    }
}

extension FuzzTarget {
    private static let frameServer = FrameServer()

    /// Connections of HTTP/2 with any bytes on them come to an end, and keep nobody else from being served. The input is a
    /// byte that says whether the client's preface goes before the rest, and what is sent.
    static let http2 = FuzzTarget("http2") { input in
        guard let first = input.first else { return }
        let rest = Array(input.dropFirst())
        frameServer.take(first % 8 == 0 ? rest : FrameServer.preface + rest)
        require(frameServer.serves(), "another client is not served")
    }
}
