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
            let number = withUnsafeBytes(of: entry.pointee.d_name) { name in
                name.prefix { $0 != 0 }.reduce(0 as CInt?) { number, byte in
                    (0x30...0x39).contains(byte) ? number.map { $0 * 10 + CInt(byte - 0x30) } : nil
                }
            }
            if let number, number != dirfd(directory) { found.append(number) }
        }
        return found
    }
}
