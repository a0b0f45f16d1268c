import ArgumentParser
import FPStorage
import Foundation

/// `fphost plugin new`
struct PluginNewCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a directory with a plugin that builds, to start from.",
        discussion: """
            Both keep objects in a directory. The one in C has every part that temporary uploads need, the one in \
            Swift is as small as can be. Run `make` in the directory, then `fphost plugin validate` on the \
            library.
            """)

    enum Language: String, ExpressibleByArgument, CaseIterable {
        case c, swift

        /// The plugin in the example.
        var example: String {
            switch self {
            case .c: "FolderStore"
            case .swift: "DrawerStore"
            }
        }
    }

    @Argument(help: "The plugin's name: letters, digits and _, a letter first.") var name: String
    @Option(help: "c or swift.") var language: Language
    @Option(help: ArgumentHelp("Where to make it; by default here, under its name.", valueName: "path"))
    var into: String?

    func run() async throws {
        try await reportingRefusals {
            guard let first = name.utf8.first, Self.isLetter(first),
                name.utf8.allSatisfy({ Self.isLetter($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") })
            else {
                throw Refusal(
                    .configuration, "\"\(name)\" is no name for a plugin: letters, digits and _, a letter first.")
            }
            let target = URL(fileURLWithPath: into ?? name)
            guard !FileManager.default.fileExists(atPath: target.path) else {
                throw Refusal(.configuration, "\(target.path) is there already. Name another directory with --into.")
            }
            let source = URL(fileURLWithPath: InstalledFiles.examples + "/" + language.rawValue)
            guard FileManager.default.fileExists(atPath: source.path) else {
                throw Refusal(
                    .unavailable, "\(source.path) is not there. Install fphost's files for plugins (fphost-dev).")
            }
            do {
                try copy(source, to: target)
            } catch {
                throw Refusal(.failure, "making \(target.path): \(error.localizedDescription)")
            }
            print("\(target.path) is made; build it with `make`, then run `fphost plugin validate` on \(library).")
        }
    }

    private var library: String {
        switch language {
        case .c: "./lib\(name).so"
        case .swift: ".build/release/lib\(name).so"
        }
    }

    /// What is built there is left out, and the example's name becomes the new one's, in names of files too.
    private func copy(_ source: URL, to target: URL) throws {
        let files = FileManager.default
        try files.createDirectory(at: target, withIntermediateDirectories: true)
        for entry in try files.contentsOfDirectory(at: source, includingPropertiesForKeys: [.isDirectoryKey]) {
            let isBuilt = entry.lastPathComponent == ".build" || entry.pathExtension == "so"
            if isBuilt || entry.lastPathComponent == "Package.resolved" { continue }
            let copied = target.appendingPathComponent(renamed(entry.lastPathComponent))
            if try entry.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == true {
                try copy(entry, to: copied)
            } else {
                try renamed(String(contentsOf: entry, encoding: .utf8)).write(
                    to: copied, atomically: false, encoding: .utf8)
            }
        }
    }

    private func renamed(_ text: String) -> String {
        text.replacing(language.example, with: name)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
