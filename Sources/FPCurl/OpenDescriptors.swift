import Glibc

/// The descriptors that are open at some moment.
///
/// libcurl opens a pair of descriptors to wake a multi handle and a pair for each name lookup. Older versions, such as
/// 7.88, do not set close-on-exec on them and have no callback for it, so they are found by comparison, right
/// afterwards. A descriptor that another thread opens meanwhile is set too: the host wants that on all of them.
struct OpenDescriptors {
    private let numbers: Set<CInt>

    init() { numbers = Set(Self.list()) }

    /// Sets close-on-exec on all descriptors that were opened since.
    func closeNewerOnExec() {
        for number in Self.list() where !numbers.contains(number) {
            let flags = fcntl(number, F_GETFD)
            if flags >= 0, flags & FD_CLOEXEC == 0 { _ = fcntl(number, F_SETFD, flags | FD_CLOEXEC) }
        }
    }

    private static func list() -> [CInt] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var found: [CInt] = []
        while let entry = readdir(directory) {
            if let number = number(named: entry), number != dirfd(directory) { found.append(number) }
        }
        return found
    }

    /// The number that an entry's name is; `nil` for another name. The name is read in its place: an entry ends with it,
    /// so that a copy of all that `dirent` declares would read behind the entry, and the last of many behind all of them.
    static func number(named entry: UnsafePointer<dirent>) -> CInt? {
        let place = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
        var byte = UnsafeRawPointer(entry).advanced(by: place).assumingMemoryBound(to: UInt8.self)
        var number: CInt = 0
        while byte.pointee != 0 {
            guard (0x30...0x39).contains(byte.pointee) else { return nil }
            number = number &* 10 &+ CInt(byte.pointee - 0x30)
            byte += 1
        }
        return number
    }
}
