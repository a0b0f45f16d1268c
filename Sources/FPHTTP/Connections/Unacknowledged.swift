import Glibc
import NIOCore

extension ChannelHandlerContext {
    /// Bytes of what was written that the client's side has not acknowledged: in the channel, and in the kernel.
    var unacknowledgedBytes: Int {
        guard let options = channel.syncOptions else {
            return 0
        }
        let buffered = (try? options.getOption(.bufferedWritableBytes)) ?? 0
        let queued = try? pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            socket in
            var count: CInt = 0
            return ioctl(socket, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
        }
        return buffered + (queued.flatMap { $0 } ?? 0)
    }
}
