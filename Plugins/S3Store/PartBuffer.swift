import CLinux
import FPPluginKit
import Glibc
import S3Signature
import Synchronization

/// The memory that all parts of a store share, in blocks.
final class MemoryBudget: Sendable {
    static let blockSize = 1 << 20

    private struct State {
        var left: Int
        /// Kept for the next part, because fresh memory costs a page fault every 4 KiB.
        var idle: [UInt] = []
    }

    private let state: Mutex<State>

    init(bytes: Int) { state = Mutex(State(left: max(1, bytes / Self.blockSize))) }

    deinit {
        state.withLock { for address in $0.idle { free(UnsafeMutableRawPointer(bitPattern: address)) } }
    }

    /// A block; nil if all memory is in use.
    func take() -> UnsafeMutableRawPointer? {
        let address: UInt? = state.withLock { state in
            guard state.left > 0 else { return nil }
            let block = state.idle.popLast() ?? UInt(bitPattern: aligned_alloc(4096, Self.blockSize))
            guard block != 0 else { return nil }
            state.left -= 1
            return block
        }
        return address.flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
    }

    func give(back block: UnsafeMutableRawPointer) {
        let address = UInt(bitPattern: block)
        let isSurplus = state.withLock { state in
            state.left += 1
            guard state.idle.count < 32 else { return true }
            state.idle.append(address)
            return false
        }
        if isSurplus { free(block) }
    }
}

/// The bytes of one part, kept until S3 has it, since it may have to be sent more than once.
final class PartBuffer: @unchecked Sendable {
    // One thread appends while nobody reads, and what has been appended does not change: hence Sendable by hand.
    let capacity: Int
    private(set) var count = 0
    private let budget: MemoryBudget
    private let hash: RunningDigest?
    private var sum: RunningChecksum
    private var blocks: [UnsafeMutableRawPointer] = []
    /// The file that the bytes are in; nil if they are in memory.
    private var file: Descriptor?

    init(capacity: Int, _ settings: Settings, _ budget: MemoryBudget) throws(PluginError) {
        self.capacity = capacity
        self.budget = budget
        hash = settings.signsPayload || settings.checksum == .sha256 ? try RunningDigest(.sha256) : nil
        sum = try RunningChecksum(settings.checksum)
    }

    deinit {
        for block in blocks { budget.give(back: block) }
    }

    /// How many bytes can be appended.
    var room: Int { capacity - count }

    /// The SHA-256 of what came so far; nil if the settings do not need it.
    func sha256() throws(PluginError) -> [UInt8]? {
        guard let hash else { return nil }
        return try hash.current()
    }

    /// Hands out what came so far.
    func eachPiece(_ body: (UnsafeRawBufferPointer) -> Void) throws(PluginError) {
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
        defer { piece.deallocate() }
        var place = 0
        while place < count {
            let length = copy(from: place, to: UnsafeMutableRawBufferPointer(rebasing: piece.prefix(count - place)))
            guard length > 0 else { throw Self.fileProblem(errno) }
            body(UnsafeRawBufferPointer(rebasing: piece.prefix(length)))
            place += length
        }
    }

    /// The CRC-64 of what came so far, if the settings want that one.
    var crc64nvme: UInt64 { sum.crc64nvme }

    /// The field that carries the checksum of what came so far.
    func checksumField() throws(PluginError) -> (name: String, value: String)? {
        try sum.field(sha256: try sha256())
    }

    /// Appends what finds room and memory.
    /// - Returns: how many bytes; fewer than fit if there is no memory.
    func append(_ bytes: UnsafeRawBufferPointer) throws(PluginError) -> Int {
        var taken = 0
        let wanted = min(bytes.count, room)
        while taken < wanted {
            let piece = UnsafeRawBufferPointer(rebasing: bytes[taken..<wanted])
            let stored = if let file = file?.raw { try write(piece, to: file) } else { store(piece) }
            guard stored > 0 else { break }
            update(UnsafeRawBufferPointer(rebasing: piece.prefix(stored)))
            taken += stored
            count += stored
        }
        return taken
    }

    /// Moves the bytes to a file without a name, so that this part needs no memory any more.
    func spill(to directory: String) throws(PluginError) {
        guard file == nil else { return }
        let opened = cl_open(AT_FDCWD, directory, cl_o_tmpfile | O_RDWR | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw PluginError(
                opened == -ENOSPC ? .noSpace : .noMemory,
                "all of `max_memory` is in use and `spool_directory` \(directory) takes no file; make it writable",
                errno: -opened)
        }
        let spooled = Descriptor(owning: opened)
        var place = 0
        for block in blocks {
            let length = min(MemoryBudget.blockSize, count - place)
            guard Self.write(UnsafeRawBufferPointer(start: block, count: length), to: opened, at: place) else {
                throw Self.fileProblem(errno)
            }
            place += length
        }
        file = consume spooled
        for block in blocks { budget.give(back: block) }
        blocks = []
    }

    /// Copies bytes from `offset` on.
    /// - Returns: how many; negative if the file cannot be read.
    func copy(from offset: Int, to target: UnsafeMutableRawBufferPointer) -> Int {
        if let file = file?.raw { return pread(file, target.baseAddress, target.count, off_t(offset)) }
        let place = offset % MemoryBudget.blockSize
        let length = min(target.count, MemoryBudget.blockSize - place)
        let block = blocks[offset / MemoryBudget.blockSize]
        target.copyMemory(from: UnsafeRawBufferPointer(start: block + place, count: length))
        return length
    }

    private func store(_ bytes: UnsafeRawBufferPointer) -> Int {
        let place = count % MemoryBudget.blockSize
        if place == 0 {
            guard let block = budget.take() else { return 0 }
            blocks.append(block)
        }
        let length = min(bytes.count, MemoryBudget.blockSize - place)
        guard let block = blocks.last else { return 0 }
        (block + place).copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(block), byteCount: length)
        return length
    }

    private func write(_ bytes: UnsafeRawBufferPointer, to file: Int32) throws(PluginError) -> Int {
        guard Self.write(bytes, to: file, at: count) else { throw Self.fileProblem(errno) }
        return bytes.count
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, at place: Int) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = pwrite(file, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(place + done))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    private static func fileProblem(_ number: Int32) -> PluginError {
        PluginError(
            number == ENOSPC || number == EDQUOT ? .noSpace : .transient,
            "a part cannot be kept in `spool_directory`; free some space there or raise `max_memory`", errno: number)
    }

    private func update(_ bytes: UnsafeRawBufferPointer) {
        hash?.update(bytes)
        sum.update(bytes)
    }
}
