import FPContractDriver
import Glibc

package typealias PluginLibrary = Library

extension Library {
    /// Loads `lib<name>.so` from the directory that the tests themselves were built into.
    package convenience init(named name: String) throws {
        try self.init(path: try Self.buildDirectory() + "/lib\(name).so")
    }

    /// Where the test bundle lies, and every other product beside it.
    package static func buildDirectory() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw Problem("cannot read /proc/self/exe") }
        let path = String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        guard let slash = path.lastIndex(of: "/") else { throw Problem("no directory in \(path)") }
        return String(path[..<slash])
    }
}

/// What went wrong in the tests' own machinery.
package typealias Problem = DriverFailure
