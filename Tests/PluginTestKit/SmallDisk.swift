import Glibc

/// A small file system in memory, for tests that fill a disk or make it read-only.
package final class SmallDisk: Sendable {
    /// Mounting needs root; containers often forbid it even so.
    package static let isAllowed: Bool = {
        guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
        guard runTool(["mount", "-t", "tmpfs", "none", directory.path]).status == 0 else { return false }
        return runTool(["umount", directory.path]).status == 0
    }()

    private let directory: TemporaryDirectory
    package var path: String { directory.path }

    package init(options: String) throws {
        directory = try TemporaryDirectory()
        guard runTool(["mount", "-t", "tmpfs", "-o", options, "none", directory.path]).status == 0 else {
            throw Problem("cannot mount a tmpfs with \(options)")
        }
    }

    package func remount(_ options: String) throws {
        guard runTool(["mount", "-o", "remount,\(options)", directory.path]).status == 0 else {
            throw Problem("cannot remount with \(options)")
        }
    }

    deinit { _ = runTool(["umount", "-l", directory.path]) }
}
