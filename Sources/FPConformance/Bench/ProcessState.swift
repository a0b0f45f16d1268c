import Glibc

/// What a plugin must leave alone in the process that it is a guest of.
struct ProcessState {
    let directory: String
    let mask: mode_t
    let locale: String
    let environment: [String]
    /// The handler of each signal.
    let handlers: [UInt]
    let descriptors: Set<Int32>
    let threads: Set<Int32>

    init() {
        var buffer = [CChar](repeating: 0, count: 4096)
        directory = getcwd(&buffer, buffer.count) == nil ? "" : buffer.withUnsafeBufferPointer { Self.text($0) }
        mask = umask(0)
        umask(mask)
        locale = setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        environment = variables.sorted()
        handlers = (1...64).map { number in
            var action = sigaction()
            guard sigaction(Int32(number), nil, &action) == 0 else { return 0 }
            return unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
        }
        descriptors = Self.numbers(in: "/proc/self/fd")
        threads = Self.numbers(in: "/proc/self/task")
    }

    private static func text(_ buffer: UnsafeBufferPointer<CChar>) -> String {
        buffer.baseAddress.map { String(cString: $0) } ?? ""
    }

    /// The entries of a directory of /proc, but for the descriptor that reads it.
    static func numbers(in path: String) -> Set<Int32> {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        let own = dirfd(stream)
        var found: Set<Int32> = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int32(name), number != own { found.insert(number) }
        }
        return found
    }
}
