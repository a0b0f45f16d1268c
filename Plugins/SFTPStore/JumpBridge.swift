import CSSH
import FPPluginKit
import Glibc

/// A connection through another server: libssh of Debian 12 has none of its own.
///
/// A thread logs in to the server in between, opens a channel through it, and carries bytes between that channel and
/// one end of a socket pair. The other end is to libssh what a TCP socket is.
enum JumpBridge {
    /// Opens the connection. Runs on the thread of the connection that wants it.
    /// - Returns: the socket to use. When it is closed, the bridge comes down.
    static func open(
        to target: Settings.Endpoint, through jump: Settings.Endpoint, _ settings: Settings, before deadline: Int64,
        isWanted: @escaping () -> Bool
    ) throws(PluginError) -> Int32 {
        let socket = try Socket.connect(to: jump, before: deadline, isWanted: isWanted)
        let session = try SSHSession(over: socket, to: jump, settings, before: deadline, isWanted: isWanted)
        // `host_key` pins the target's key. That of the server in between is looked up in the files.
        var trust = settings.trust
        trust.fingerprints = []
        try session.checkHostKey(trust)
        try session.logIn(settings.jumpLogin)
        let channel = try session.openForward(to: target)
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else {
            throw PluginError(.transient, "a pair of sockets: \(PluginError.text(ofErrno: errno))", errno: errno)
        }
        let bridge = Bridge(session, channel, ends[0])
        guard BackgroundThread.start({ bridge.run() }) else {
            close(ends[1])
            throw PluginError(.transient, "no thread for the way through \(jump.name)")
        }
        return ends[1]
    }
}

// Sendable by hand: made on one thread and used by another from then on.
private final class Bridge: @unchecked Sendable {
    private let session: SSHSession
    private let channel: ssh_channel
    private let local: Descriptor
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    /// Bytes from the channel that the socket did not take yet.
    private var inbound: Range<Int> = 0..<0
    private let outBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    private var outbound: Range<Int> = 0..<0

    init(_ session: SSHSession, _ channel: ssh_channel, _ local: Int32) {
        self.session = session
        self.channel = channel
        self.local = Descriptor(owning: local)
    }

    deinit {
        buffer.deallocate()
        outBuffer.deallocate()
    }

    func run() {
        while step() {}
    }

    /// - Returns: false once either side has ended.
    private func step() -> Bool {
        var moved = false
        if outbound.isEmpty {
            let count = recv(local.raw, outBuffer.baseAddress, outBuffer.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return false }
            if count > 0 { outbound = 0..<count }
        }
        if !outbound.isEmpty {
            let rest = UnsafeRawBufferPointer(rebasing: outBuffer[outbound])
            let count = ssh_channel_write(channel, rest.baseAddress, UInt32(rest.count))
            guard count != SSH_ERROR else { return false }
            if count > 0 {
                outbound = outbound.lowerBound + Int(count)..<outbound.upperBound
                moved = true
            }
        }
        if inbound.isEmpty {
            let count = ssh_channel_read_timeout(channel, buffer.baseAddress, UInt32(buffer.count), 0, 0)
            guard count >= 0 || count == SSH_AGAIN else { return false }
            if count > 0 {
                inbound = 0..<Int(count)
            } else if ssh_channel_is_eof(channel) != 0 || ssh_channel_is_closed(channel) != 0 {
                return false
            }
        }
        if !inbound.isEmpty {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[inbound])
            let count = send(local.raw, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if count < 0, errno != EAGAIN, errno != EINTR { return false }
            if count > 0 {
                inbound = inbound.lowerBound + count..<inbound.upperBound
                moved = true
            }
        }
        return moved || sleep()
    }

    /// - Returns: false if the target's side hung up.
    private func sleep() -> Bool {
        // A side whose bytes wait for the other is not asked for more.
        let wanted = inbound.isEmpty ? session.wantedEvents : session.wantedEvents & Int16(POLLOUT)
        var pollers = [
            pollfd(fd: session.socket, events: wanted, revents: 0),
            pollfd(
                fd: local.raw, events: Int16((outbound.isEmpty ? POLLIN : 0) | (inbound.isEmpty ? 0 : POLLOUT)),
                revents: 0),
        ]
        poll(&pollers, 2, -1)
        return outbound.isEmpty || pollers[1].revents & Int16(POLLHUP | POLLERR) == 0
    }
}
