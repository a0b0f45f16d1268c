import Foundation

/// Where a host finds what belongs to it, from wherever it is started.
enum InstalledFiles {
    /// `share/fphost` beside the `bin` directory of this executable; `nil` in a working tree.
    static let share: String? = {
        let share = binaries.deletingLastPathComponent().appendingPathComponent("share/fphost", isDirectory: true)
        return FileManager.default.fileExists(atPath: share.path) ? share.path : nil
    }()

    /// The plugins to start a new one from.
    static let examples = share.map { $0 + "/examples" } ?? source("Examples")

    /// The page of the demonstration.
    static let demoPage = share.map { $0 + "/demo" } ?? source("web/demo")

    /// The FilePond client.
    static let filePond = share.map { $0 + "/filepond" } ?? source(".build/filepond")

    /// A path in the working tree, in whose `.build` directory this executable lies, some levels down.
    private static func source(_ path: String) -> String {
        var directory = binaries
        while directory.path != "/" {
            let isBuild = directory.lastPathComponent.hasPrefix(".build")
            directory.deleteLastPathComponent()
            if isBuild { return directory.appendingPathComponent(path).path }
        }
        return path
    }

    private static let binaries = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()
}
