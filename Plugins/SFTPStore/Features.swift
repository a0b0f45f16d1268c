import FPPluginKit

/// What a server said about itself when the connection was opened.
struct Features: Sendable {
    /// Names of extensions.
    var extensions: Set<String> = []
    /// The most bytes in one READ and one WRITE. The draft promises 32 KiB.
    var readSize: UInt32 = 32 << 10
    var writeSize: UInt32 = 32 << 10
    /// The fewest bytes to ask for in one READ. lsh's server, which announces no extension at all, answers with the whole
    /// file if it is asked for less than 32 KiB.
    var smallestRead: UInt32 { extensions.isEmpty ? 32 << 10 : 1 }
    /// root_path as the server spells it, without symbolic links.
    var root = "/"
    /// Requests are done one after the other, so that a file's length says that all before it was written.
    var isSerial = false

    /// More gains nothing, and a step of a power of two divides what the host writes at a time.
    private static let largestStep: UInt32 = 128 << 10
    /// What is read waits in memory by the step, so that smaller ones are better.
    private static let largestReadStep: UInt32 = 64 << 10

    mutating func adopt(limits bytes: [UInt8]) {
        var reader = ByteReader(bytes, .ssh)
        guard reader.next(UInt64.self) != nil, let read = reader.next(UInt64.self),
            let write = reader.next(UInt64.self)
        else { return }
        // 0 stands for "not limited".
        readSize = min(Self.largestReadStep, Self.step(read))
        writeSize = Self.step(write)
    }

    private static func step(_ limit: UInt64) -> UInt32 {
        guard limit > 0 else { return largestStep }
        var step = largestStep
        while UInt64(step) > limit { step /= 2 }
        return step
    }

    func has(_ name: String) -> Bool { extensions.contains(name) }
}
