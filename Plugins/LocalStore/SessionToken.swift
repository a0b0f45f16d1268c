import CLinux
import FPPluginKit
import Glibc

extension SessionID {
    /// Holds the staged bytes.
    var fileName: String { text }

    /// Holds the session's record. There from before the bytes until after they are published or dropped.
    var recordName: String { fileName + ".m" }
}

extension ByteLayout {
    /// That of the plugin's tokens and records.
    static let local = ByteLayout(.littleEndian, lengthSize: .two)
}

/// What names a session, for the host to keep: all that is needed to go on with it or to recognise its commit.
struct SessionToken: Equatable, Sendable {
    let id: SessionID
    let key: Key
    let ifNotExists: Bool
    /// How its file can be recognised under the object's name, once it is published.
    let identity: Identity

    /// What stays with a file when it is renamed.
    enum Identity: Equatable, Sendable {
        /// The file carries the session's id in an extended attribute.
        case marked
        /// The file system has no such attributes.
        case born(inode: UInt64, nanoseconds: Int64)
        /// Nor birth times, so that a commit cannot be proven.
        case unknown
    }

    private static let version: UInt8 = 1
    static let markName = "user.fphost.session"

    var bytes: [UInt8] {
        var writer = ByteWriter(.local)
        let kind: UInt8
        var inode: UInt64 = 0
        var born: Int64 = 0
        switch identity {
        case .unknown: kind = 0
        case .marked: kind = 1
        case .born(let number, let nanoseconds):
            kind = 2
            inode = number
            born = nanoseconds
        }
        writer.append(Self.version)
        writer.append(UInt8(ifNotExists ? 1 : 0))
        writer.append(kind)
        writer.append(id.high)
        writer.append(id.low)
        writer.append(inode)
        writer.append(UInt64(bitPattern: born))
        writer.append(key.string)
        return writer.bytes
    }

    init(id: SessionID, key: Key, ifNotExists: Bool, identity: Identity) {
        self.id = id
        self.key = key
        self.ifNotExists = ifNotExists
        self.identity = identity
    }

    /// Nil if the bytes are no token of ours.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes, .local)
        guard reader.next(UInt8.self) == Self.version, let flags = reader.next(UInt8.self), flags <= 1,
            let kind = reader.next(UInt8.self), let high = reader.next(UInt64.self),
            let low = reader.next(UInt64.self), let inode = reader.next(UInt64.self),
            let born = reader.next(UInt64.self), let text = reader.nextText(), reader.isAtEnd,
            let key = try? Key(text)
        else { return nil }
        switch kind {
        case 0: identity = .unknown
        case 1: identity = .marked
        case 2: identity = .born(inode: inode, nanoseconds: Int64(bitPattern: born))
        default: return nil
        }
        id = SessionID(high: high, low: low)
        self.key = key
        ifNotExists = flags == 1
    }
}

extension SessionID {
    /// Writes the id into the file, so that it can be recognised under another name.
    func mark(_ file: Int32) -> Bool {
        var text = fileName
        return text.withUTF8 { cl_set_attribute(file, SessionToken.markName, $0.baseAddress, $0.count) } == 0
    }

    func isMark(of file: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = cl_get_attribute(file, SessionToken.markName, &buffer, buffer.count)
        return count >= 0 && buffer.prefix(Int(count)).elementsEqual(fileName.utf8)
    }
}

extension SessionToken.Identity {
    /// How the file of the session `id` can be recognised.
    static func of(_ file: Int32, _ status: stat, _ id: SessionID) -> Self {
        if id.isMark(of: file) { return .marked }
        let born = cl_birth_time(file)
        return born < 0 ? .unknown : .born(inode: UInt64(status.st_ino), nanoseconds: born)
    }

    /// Whether `file` is the one that the session `id` staged.
    func matches(_ file: Int32, _ status: stat, _ id: SessionID) -> Bool {
        switch self {
        case .marked: id.isMark(of: file)
        case .born(let inode, let nanoseconds): UInt64(status.st_ino) == inode && cl_birth_time(file) == nanoseconds
        case .unknown: false
        }
    }
}
