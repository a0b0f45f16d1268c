import FPPluginKit

/// What a server says about a file, or is asked to set (draft-ietf-secsh-filexfer-02, section 5).
struct Attributes: Sendable, Equatable {
    var size: UInt64?
    var owner: Owner?
    /// With the kind of the file in the upper bits, as `st_mode` has it.
    var permissions: UInt32?
    var times: Times?

    struct Owner: Sendable, Equatable {
        var user: UInt32
        var group: UInt32
    }

    /// Seconds since 1970.
    struct Times: Sendable, Equatable {
        var accessed: UInt32
        var modified: UInt32
    }

    private enum Flag {
        static let size: UInt32 = 1
        static let owner: UInt32 = 2
        static let permissions: UInt32 = 4
        static let times: UInt32 = 8
        static let extended: UInt32 = 0x8000_0000
    }

    init(size: UInt64? = nil, owner: Owner? = nil, permissions: UInt32? = nil, times: Times? = nil) {
        self.size = size
        self.owner = owner
        self.permissions = permissions
        self.times = times
    }

    init?(_ reader: inout ByteReader) {
        guard let flags = reader.next(UInt32.self) else { return nil }
        self.init()
        if flags & Flag.size != 0 {
            guard let size = reader.next(UInt64.self) else { return nil }
            self.size = size
        }
        if flags & Flag.owner != 0 {
            guard let user = reader.next(UInt32.self), let group = reader.next(UInt32.self) else { return nil }
            owner = Owner(user: user, group: group)
        }
        if flags & Flag.permissions != 0 {
            guard let permissions = reader.next(UInt32.self) else { return nil }
            self.permissions = permissions
        }
        if flags & Flag.times != 0 {
            guard let accessed = reader.next(UInt32.self), let modified = reader.next(UInt32.self) else { return nil }
            times = Times(accessed: accessed, modified: modified)
        }
        if flags & Flag.extended != 0 {
            guard let count = reader.next(UInt32.self) else { return nil }
            for _ in 0..<count { guard reader.nextString() != nil, reader.nextString() != nil else { return nil } }
        }
    }

    func append(to writer: inout ByteWriter) {
        var flags: UInt32 = 0
        if size != nil { flags |= Flag.size }
        if owner != nil { flags |= Flag.owner }
        if permissions != nil { flags |= Flag.permissions }
        if times != nil { flags |= Flag.times }
        writer.append(flags)
        if let size { writer.append(size) }
        if let owner {
            writer.append(owner.user)
            writer.append(owner.group)
        }
        if let permissions { writer.append(permissions) }
        if let times {
            writer.append(times.accessed)
            writer.append(times.modified)
        }
    }
}

extension Attributes {
    enum Kind: Sendable, Equatable {
        case file
        case directory
        case link
        /// A device, a pipe, or a server that does not say.
        case other
    }

    var kind: Kind {
        switch (permissions ?? 0) & 0o170000 {
        case 0o100000: .file
        case 0o040000: .directory
        case 0o120000: .link
        default: .other
        }
    }

    /// Changes with every commit: a commit that replaces an object moves the time on if it would stay the same.
    var etag: String { "\(String(times?.modified ?? 0, radix: 16))-\(String(size ?? 0, radix: 16))" }

    var objectInfo: ObjectInfo {
        ObjectInfo(size: size ?? 0, modifiedNanoseconds: modifiedNanoseconds, etag: etag)
    }

    var modifiedNanoseconds: Int64? { times.map { Int64($0.modified) * 1_000_000_000 } }
}
