import CLinux
import FPPluginKit
import Glibc

/// What is kept on disk about a session beside its bytes: enough to list it, and how far it survived a power loss.
struct SessionRecord {
    let key: Key
    let ifNotExists: Bool
    var safety: Safety

    /// The part that changes.
    ///
    /// After a crash of the machine, a file's length says nothing: file systems may have written its end before its
    /// middle. So only the bytes up to the last sync with `SyncOptions.power` count then.
    struct Safety: Equatable {
        /// The boot of the machine during which the bytes beyond `offset` were written.
        var boot: BootID
        /// The bytes below it are on the disk.
        var offset: UInt64
    }

    private static let magic: UInt32 = 0x314D_5046
    private static let safetyPlace: off_t = 8

    var bytes: [UInt8] {
        var writer = ByteWriter(.local)
        writer.append(Self.magic)
        writer.append(UInt32(ifNotExists ? 1 : 0))
        return writer.bytes + safety.bytes + keyBytes
    }

    private var keyBytes: [UInt8] {
        var writer = ByteWriter(.local)
        writer.append(key.string)
        return writer.bytes
    }

    init(key: Key, ifNotExists: Bool, safety: Safety) {
        self.key = key
        self.ifNotExists = ifNotExists
        self.safety = safety
    }

    /// Reads the record of a session; nil if it is missing, or torn by a power loss while the session began.
    init?(named name: String, in directory: borrowing Directory) throws(SystemError) {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor(
                cl_open(directory.raw, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0))
        } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = pread(file.raw, &buffer, buffer.count, 0)
        guard count >= 0 else { throw SystemError(number: errno) }
        var reader = ByteReader(buffer.prefix(count), .local)
        guard reader.next(UInt32.self) == Self.magic, let flags = reader.next(UInt32.self),
            let safety = Safety(&reader), let text = reader.nextText(), let key = try? Key(text)
        else { return nil }
        self.init(key: key, ifNotExists: flags == 1, safety: safety)
    }

    /// Writes a new record.
    func create(named name: String, in directory: borrowing Directory) throws(SystemError) {
        let file = try Descriptor(
            cl_open(directory.raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600))
        let bytes = bytes
        let count = try check(Int32(clamping: pwrite(file.raw, bytes, bytes.count, 0)))
        guard Int(count) == bytes.count else { throw SystemError(number: ENOSPC) }
    }

    /// Replaces the part that changes, and makes it survive power loss.
    ///
    /// It fits in one sector, which a disk writes whole or not at all; a checksum catches the disk that does not.
    static func store(
        _ safety: Safety, named name: String, in directory: borrowing Directory
    ) throws(SystemError) {
        let file = try Descriptor(cl_open(directory.raw, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0))
        let bytes = safety.bytes
        try check(Int32(clamping: pwrite(file.raw, bytes, bytes.count, safetyPlace)))
        try check(fdatasync(file.raw))
    }
}

extension SessionRecord.Safety {
    fileprivate var bytes: [UInt8] {
        var writer = ByteWriter(.local)
        writer.append(boot.high)
        writer.append(boot.low)
        writer.append(offset)
        writer.append(sum)
        return writer.bytes
    }

    fileprivate init?(_ reader: inout ByteReader) {
        guard let high = reader.next(UInt64.self), let low = reader.next(UInt64.self),
            let offset = reader.next(UInt64.self), let sum = reader.next(UInt64.self)
        else { return nil }
        self.init(boot: BootID(high: high, low: low), offset: offset)
        if self.sum != sum { self = .init(boot: .none, offset: 0) }
    }

    /// FNV-1a over the three numbers, by word.
    private var sum: UInt64 {
        var sum: UInt64 = 0xCBF2_9CE4_8422_2325
        for word in [boot.high, boot.low, offset] { sum = (sum ^ word) &* 0x100_0000_01B3 }
        return sum
    }
}

/// Identifies one run of the machine, from boot to shutdown.
struct BootID: Equatable, Sendable {
    let high: UInt64
    let low: UInt64

    /// Equals no boot.
    static let none = BootID(high: 0, low: 0)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The current boot. Where the kernel does not tell, all boots count as the same.
    static let current: BootID = {
        let unknown = BootID(high: .max, low: .max)
        guard let file = try? Descriptor(cl_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC, 0))
        else { return unknown }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(file.raw, &buffer, buffer.count)
        let digits = String(decoding: buffer.prefix(max(0, count)).filter { $0 != UInt8(ascii: "-") }, as: UTF8.self)
        guard let id = SessionID(digits.prefix(32)) else { return unknown }
        return BootID(high: id.high, low: id.low)
    }()
}
