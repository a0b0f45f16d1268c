import Foundation

/// Where an installed host finds what belongs to it.
enum InstalledFiles {
    /// `share/fphost` beside the `bin` directory of this executable; `nil` in a working tree.
    static let share: String? = {
        let executable = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let share = executable.deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("share/fphost", isDirectory: true)
        return FileManager.default.fileExists(atPath: share.path) ? share.path : nil
    }()

    /// The plugins to start a new one from.
    static let examples = share.map { $0 + "/examples" } ?? "Examples"
}
