import CSSH
import FPPluginKit
import Glibc

/// The SFTP channel of a session, as bytes. Belongs to one thread.
final class Link {
    let session: SSHSession
    private let channel: ssh_channel
    private var inbound = PacketStream(capacity: Link.window)
    /// Bytes that the server may still send before it waits for a larger window.
    private var credit = 0

    /// How many bytes a server may send ahead: the largest product of bandwidth and round-trip time that can be filled.
    static let window = 4 << 20

    private init(_ session: SSHSession, _ channel: ssh_channel) {
        self.session = session
        self.channel = channel
    }

    /// Connects, logs in and starts SFTP: the server then takes requests.
    static func open(
        _ settings: Settings, isWanted: @escaping () -> Bool
    ) throws(PluginError) -> (Link, Features) {
        let deadline = Call.now + settings.timing.connect.nanoseconds
        let socket: Int32
        if let jump = settings.jump {
            socket = try JumpBridge.open(
                to: settings.server, through: jump, settings, before: deadline, isWanted: isWanted)
        } else {
            socket = try Socket.connect(to: settings.server, before: deadline, isWanted: isWanted)
        }
        let session = try SSHSession(
            over: socket, to: settings.server, settings, before: deadline, isWanted: isWanted)
        try session.checkHostKey(settings.trust)
        try session.logIn(settings.login)
        let link = Link(session, try session.openSFTP())
        return (link, try link.greet(settings))
    }

    // MARK: - The first packets

    private func greet(_ settings: Settings) throws(PluginError) -> Features {
        let server = settings.server.name
        try push(Request.hello)
        let (kind, body) = try firstPacket()
        var reader = ByteReader(body, .ssh)
        guard kind == 2, let version = reader.next(UInt32.self), version >= 3 else {
            throw PluginError(.config, "\(server) speaks no SFTP of version 3")
        }
        var features = Features()
        while let name = reader.nextText(), reader.nextString() != nil { features.extensions.insert(name) }
        features.isSerial = session.software.contains("OpenSSH")
        if features.has(Extension.limits), case .extended(let limits) = try answer(to: .limits) {
            features.adopt(limits: limits)
        }
        features.root = try canonical(settings.rootPath, server)
        return features
    }

    /// The first packet. If the answer is not SFTP, the error says what it is instead.
    private func firstPacket() throws(PluginError) -> (kind: UInt8, body: [UInt8]) {
        do throws(PluginError) {
            return try nextPacket()
        } catch {
            let server = session.server
            let heard = inbound.pending(atMost: 80)
            if heard.count >= 4 {
                let text = String(decoding: heard.map { (0x20...0x7E).contains($0) ? $0 : 0x20 }, as: UTF8.self)
                throw PluginError(
                    .config,
                    """
                    \(server.name) says "\(text)" where SFTP should begin: a login script of \(server.user) (.bashrc, \
                    .profile) prints something, or its shell lets nobody in; make it silent without a terminal, or let \
                    the server use internal-sftp
                    """)
            }
            guard ssh_channel_is_eof(channel) != 0 || ssh_channel_is_closed(channel) != 0 else { throw error }
            throw PluginError(
                .transient,
                """
                \(server.name) ended the SFTP session of \(server.user) as soon as it had begun: the program of its \
                subsystem "sftp" may be missing, or fail; its log says more
                """)
        }
    }

    private func canonical(_ path: String, _ server: String) throws(PluginError) -> String {
        let doing = "looking up root_path \"\(path)\" on \(server)"
        let start = try answer(to: .realPath(".")).expectPath(doing)
        if path.isEmpty { return start }
        let full = path.hasPrefix("/") ? path : (start.hasSuffix("/") ? start : start + "/") + path
        // REALPATH may fail for a directory that does not exist yet.
        guard let real = try? answer(to: .realPath(full)).expectPath(doing) else { return Self.tidy(full) }
        return Self.tidy(real)
    }

    /// An absolute path without ".", repeated slashes and a slash at its end.
    private static func tidy(_ path: String) -> String {
        "/" + path.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private func answer(to request: Request) throws(PluginError) -> Reply {
        try push(request.numbered(0))
        let (kind, body) = try nextPacket()
        guard body.count >= 4 else { throw PluginError.unexpected("talking to \(session.server.name)") }
        let reply = body.withUnsafeBytes { Reply(kind: kind, body: UnsafeRawBufferPointer(rebasing: $0[4...])) }
        guard let reply else { throw PluginError.unexpected("talking to \(session.server.name)") }
        return reply
    }

    private func push(_ bytes: [UInt8]) throws(PluginError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try session.drive { _ in
                let count = rest.withUnsafeBytes { ssh_channel_write(channel, $0.baseAddress, UInt32($0.count)) }
                return count == 0 ? SSH_AGAIN : count
            }
            guard count > 0 else { throw lost() }
            rest = rest.dropFirst(Int(count))
        }
    }

    private func nextPacket() throws(PluginError) -> (kind: UInt8, body: [UInt8]) {
        while true {
            switch inbound.next() {
            case .packet(let kind, let body): return (kind, Array(body))
            case .nonsense: throw PluginError.unexpected("talking to \(session.server.name)")
            case .needsMore: break
            }
            var problem: PluginError?
            _ = try session.drive { _ in
                do throws(PluginError) {
                    return try fill() == 0 ? SSH_AGAIN : SSH_OK
                } catch {
                    problem = error
                    return SSH_ERROR
                }
            }
            if let problem { throw problem }
        }
    }

    // MARK: - The rest

    /// Whether libssh holds bytes back that the socket did not take; it would hold back whatever it is given.
    var isBacklogged: Bool { session.wantedEvents & Int16(POLLOUT) != 0 }

    /// Gives bytes to libssh, as many as the server's window takes.
    func write(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> Int {
        let count = ssh_channel_write(channel, bytes.baseAddress, UInt32(bytes.count))
        guard count >= 0 || count == SSH_AGAIN else { throw lost() }
        return max(0, Int(count))
    }

    /// Takes in what has arrived.
    /// - Returns: how many bytes; 0 if there are none.
    func fill() throws(PluginError) -> Int {
        let room = inbound.room()
        // libssh widens the window to what is asked for, by a packet each time: so ask for all of it now and then only,
        // but well before a distant server has used it up.
        let wanted = credit < Self.window / 4 * 3 ? Self.window : 64 << 10
        if wanted == Self.window { credit = Self.window }
        let count = ssh_channel_read_timeout(channel, room.baseAddress, UInt32(min(wanted, room.count)), 0, 0)
        guard count != SSH_AGAIN else { return 0 }
        guard count >= 0 else { throw lost() }
        if count == 0 {
            if ssh_channel_is_eof(channel) != 0 || ssh_channel_is_closed(channel) != 0
                || ssh_is_connected(session.raw) == 0
            {
                throw lost()
            }
            return 0
        }
        credit -= Int(count)
        inbound.take(Int(count))
        return Int(count)
    }

    /// Hands the next reply that is whole to whoever `sink` finds for its id.
    /// - Returns: what the sink said, false if there is none; nil if no reply is whole.
    func passReply(
        to sink: (UInt32) -> (any ReplySink)?
    ) throws(PluginError) -> Bool? {
        switch inbound.next() {
        case .needsMore: return nil
        case .nonsense: break
        case .packet(let kind, let body):
            guard body.count >= 4 else { break }
            let id = UInt32(bigEndian: body.loadUnaligned(as: UInt32.self))
            let body = UnsafeRawBufferPointer(rebasing: body[4...])
            if kind == Reply.dataKind {
                guard let data = Reply.data(body) else { break }
                return sink(id)?.receive(data: data, to: id) ?? false
            }
            guard let reply = Reply(kind: kind, body: body) else { break }
            return sink(id)?.receive(reply, to: id) ?? false
        }
        throw PluginError.unexpected("talking to \(session.server.name)")
    }

    private func lost() -> PluginError {
        PluginError(.transient, "the connection to \(session.server.name) was lost: \(session.problem)")
    }
}

/// Packets on their way into the channel.
struct Sending {
    private var packets: [[UInt8]] = []
    private var next = 0
    private var offset = 0

    /// Small requests share an SSH packet.
    private static let joinLimit = 32 << 10

    var isEmpty: Bool { next == packets.count }

    mutating func append(_ more: [[UInt8]]) {
        if isEmpty {
            packets.removeAll(keepingCapacity: true)
            next = 0
        }
        for packet in more {
            let isUntouched = packets.count > next + 1 || (packets.count == next + 1 && offset == 0)
            if isUntouched, let last = packets.last, last.count + packet.count <= Self.joinLimit {
                packets[packets.count - 1].append(contentsOf: packet)
            } else {
                packets.append(packet)
            }
        }
    }

    /// - Returns: how many bytes went.
    mutating func push(into link: Link) throws(PluginError) -> Int {
        var moved = 0
        while next < packets.count, !link.isBacklogged {
            let count = try packets[next].withUnsafeBytes { bytes in
                Result { () throws(PluginError) in
                    try link.write(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                }
            }.get()
            if count == 0 { break }
            moved += count
            offset += count
            if offset == packets[next].count {
                packets[next] = []
                offset = 0
                next += 1
            }
        }
        return moved
    }
}
