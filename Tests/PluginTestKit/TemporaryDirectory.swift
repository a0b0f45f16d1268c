import Glibc

/// A directory of a test's own, removed with everything in it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/fphost-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Problem("mkdtemp: errno \(errno)") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { Self.removeTree(path) }

    package static func removeTree(_ path: String) {
        // What is in a directory comes after it, so that in reverse everything is empty when its turn comes.
        for name in names(path, "").reversed() { Glibc.remove(path + "/" + name) }
        Glibc.remove(path)
    }

    /// Every path below, without those in ".fp" unless asked for.
    package func tree(withPrivate: Bool = false) -> [String] {
        Self.names(path, "").filter { withPrivate || !($0 == ".fp" || $0.hasPrefix(".fp/")) }.sorted()
    }

    private static func names(_ directory: String, _ prefix: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            found.append(prefix + name)
            if entry.pointee.d_type == UInt8(DT_DIR) { found += names(directory + "/" + name, prefix + name + "/") }
        }
        return found
    }
}
