import Glibc

/// Runs `body`, and makes the descriptors that it opened close in children of the process. libcurl does not do that for
/// the pair that wakes a multi handle up. A descriptor that another thread opens meanwhile gets what it should have
/// anyway.
func closingOnExec<Result>(_ body: () -> Result) -> Result {
    let before = Set(openDescriptors())
    let result = body()
    for descriptor in openDescriptors() where !before.contains(descriptor) {
        let flags = fcntl(descriptor, F_GETFD)
        if flags >= 0, flags & FD_CLOEXEC == 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
    }
    return result
}

private func openDescriptors() -> [Int32] {
    guard let directory = opendir("/proc/self/fd") else { return [] }
    defer { closedir(directory) }
    var found: [Int32] = []
    while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if let number = Int32(name), number != dirfd(directory) { found.append(number) }
    }
    return found
}
