import FPPluginKit

extension ByteLayout {
    /// That of SSH (RFC 4251, section 5), and so of SFTP, host keys, and the plugin's own tokens and records.
    static let ssh = ByteLayout(.bigEndian, lengthSize: .four)
}

/// A request to the server (draft-ietf-secsh-filexfer-02, section 6), whole but for its id.
struct Request {
    /// Length, kind, room for the id, and the body.
    private(set) var packet: [UInt8]

    private static let headerSize = 9

    private init(_ kind: UInt8, capacity: Int = 128, _ body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter(.ssh, capacity: Self.headerSize + capacity)
        writer.append(UInt32(0))
        writer.append(kind)
        writer.append(UInt32(0))
        body(&writer)
        packet = writer.bytes
        put(UInt32(truncatingIfNeeded: packet.count - 4), at: 0)
    }

    /// The packet with its id, to be sent as it is. In place: a packet may hold much.
    consuming func numbered(_ id: UInt32) -> [UInt8] {
        put(id, at: 5)
        return packet
    }

    private mutating func put(_ number: UInt32, at place: Int) {
        for index in 0..<4 { packet[place + index] = UInt8(truncatingIfNeeded: number >> (24 - 8 * index)) }
    }

    /// The first packet of all: version 3, which is what servers in the field speak. It has no id.
    static let hello: [UInt8] = [0, 0, 0, 5, 1, 0, 0, 0, 3]
}

extension Request {
    struct OpenMode: OptionSet {
        let rawValue: UInt32
        static let read = OpenMode(rawValue: 0x01)
        static let write = OpenMode(rawValue: 0x02)
        static let create = OpenMode(rawValue: 0x08)
        static let exclusive = OpenMode(rawValue: 0x20)
    }

    static func open(_ path: String, _ mode: OpenMode, _ attributes: Attributes = Attributes()) -> Request {
        Request(3) {
            $0.append(path)
            $0.append(mode.rawValue)
            attributes.append(to: &$0)
        }
    }

    static func close(_ handle: [UInt8]) -> Request { Request(4) { $0.append(handle) } }

    static func read(_ handle: [UInt8], at offset: UInt64, count: UInt32) -> Request {
        Request(5) {
            $0.append(handle)
            $0.append(offset)
            $0.append(count)
        }
    }

    static func write(_ handle: [UInt8], at offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Request {
        Request(6, capacity: bytes.count + handle.count + 32) {
            $0.append(handle)
            $0.append(offset)
            $0.append(bytes)
        }
    }

    /// About the name itself, also if it is a symbolic link.
    static func attributes(ofLink path: String) -> Request { Request(7) { $0.append(path) } }

    static func attributes(ofHandle handle: [UInt8]) -> Request { Request(8) { $0.append(handle) } }

    static func set(_ attributes: Attributes, on path: String) -> Request {
        Request(9) {
            $0.append(path)
            attributes.append(to: &$0)
        }
    }

    static func set(_ attributes: Attributes, onHandle handle: [UInt8]) -> Request {
        Request(10) {
            $0.append(handle)
            attributes.append(to: &$0)
        }
    }

    static func openDirectory(_ path: String) -> Request { Request(11) { $0.append(path) } }

    static func readDirectory(_ handle: [UInt8]) -> Request { Request(12) { $0.append(handle) } }

    static func remove(_ path: String) -> Request { Request(13) { $0.append(path) } }

    static func makeDirectory(_ path: String, _ attributes: Attributes) -> Request {
        Request(14) {
            $0.append(path)
            attributes.append(to: &$0)
        }
    }

    static func removeDirectory(_ path: String) -> Request { Request(15) { $0.append(path) } }

    static func realPath(_ path: String) -> Request { Request(16) { $0.append(path) } }

    static func attributes(of path: String) -> Request { Request(17) { $0.append(path) } }

    /// Refuses to replace a file, by the draft; servers differ.
    static func rename(_ path: String, to target: String) -> Request {
        Request(18) {
            $0.append(path)
            $0.append(target)
        }
    }
}

/// OpenSSH's extensions, by the name that a server announces them under.
enum Extension {
    /// rename(2): replaces what is there in one step.
    static let posixRename = "posix-rename@openssh.com"
    /// link(2): fails if the name is taken.
    static let hardLink = "hardlink@openssh.com"
    static let fsync = "fsync@openssh.com"
    static let fileSystem = "statvfs@openssh.com"
    static let limits = "limits@openssh.com"
    static let copyData = "copy-data"
}

extension Request {
    private static func extended(_ name: String, _ body: (inout ByteWriter) -> Void) -> Request {
        Request(200) {
            $0.append(name)
            body(&$0)
        }
    }

    static func posixRename(_ path: String, to target: String) -> Request {
        extended(Extension.posixRename) {
            $0.append(path)
            $0.append(target)
        }
    }

    static func link(_ path: String, as name: String) -> Request {
        extended(Extension.hardLink) {
            $0.append(path)
            $0.append(name)
        }
    }

    static func fsync(_ handle: [UInt8]) -> Request { extended(Extension.fsync) { $0.append(handle) } }

    static func fileSystem(of path: String) -> Request { extended(Extension.fileSystem) { $0.append(path) } }

    static let limits = extended(Extension.limits) { _ in }

    /// All bytes of one open file to the start of another.
    static func copyData(_ source: [UInt8], to target: [UInt8]) -> Request {
        extended(Extension.copyData) {
            $0.append(source)
            $0.append(UInt64(0))
            $0.append(UInt64(0))
            $0.append(target)
            $0.append(UInt64(0))
        }
    }
}
