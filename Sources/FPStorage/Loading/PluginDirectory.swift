import FPFormats
import Glibc

/// Which plugin a store names: by short name or absolute path, and by digest if the operator pins one.
public struct PluginReference: Sendable, Equatable {
    /// A short name, `S3Store`, or an absolute path.
    public var plugin: String
    /// The SHA-256 of the file in hex, if pinned.
    public var sha256: String?

    /// Makes a reference.
    public init(_ plugin: String, sha256: String? = nil) {
        self.plugin = plugin
        self.sha256 = sha256
    }
}

/// Where plugins are looked for: nowhere else, whatever the environment says.
public struct PluginDirectory: Sendable {
    /// A plugin's file and the name that it must have.
    public struct Location: Sendable, Equatable {
        /// The absolute path, not resolved yet.
        public var path: String
        /// The name that the plugin's table must show.
        public var name: String
    }

    /// The directories, in the order in which they are searched.
    public let paths: [String]

    /// The directory named in the configuration, or by default those beside the executable: its own directory (as
    /// built) and `../lib/fphost/plugins` (as installed).
    public init(explicit: String?) {
        paths = explicit.map { [$0] } ?? Self.besideExecutable()
    }

    /// Finds the file of a plugin.
    /// - Throws: ``PluginLoadError`` that says where it was looked for and how to get it.
    public func locate(_ reference: PluginReference) throws(PluginLoadError) -> Location {
        let wanted = reference.plugin
        if wanted.hasPrefix("/") { return try locate(path: wanted) }
        guard PluginName.isValid(wanted) else {
            throw PluginLoadError(
                .badReference, plugin: wanted,
                message:
                    "\"\(wanted)\" is neither a plugin's name (letters, digits, '_' and '-', a letter first) nor an "
                    + "absolute path. Name it as S3Store, or by its whole path.")
        }
        for directory in paths {
            let path = Self.join(directory, PluginName.fileName(of: wanted))
            if access(path, F_OK) == 0 { return Location(path: path, name: wanted) }
        }
        throw PluginLoadError(.notFound, plugin: wanted, message: notFound(wanted))
    }

    /// The plugins that lie in the directories, by name; those in an earlier directory hide others of the same name.
    public func list() -> [Location] {
        var found: [String: Location] = [:]
        for directory in paths {
            for file in Self.files(in: directory) {
                guard let name = PluginName.name(ofFile: file), found[name] == nil else { continue }
                found[name] = Location(path: Self.join(directory, file), name: name)
            }
        }
        return found.values.sorted { $0.name < $1.name }
    }

    private func locate(path: String) throws(PluginLoadError) -> Location {
        let file = String(path[path.index(after: path.lastIndex(of: "/") ?? path.startIndex)...])
        guard let name = PluginName.name(ofFile: file) else {
            throw PluginLoadError(
                .badReference, plugin: path,
                message:
                    "the file is named \"\(file)\", where lib<Name>.so is expected. Rename it to what the plugin calls "
                    + "itself.")
        }
        guard access(path, F_OK) == 0 else {
            throw PluginLoadError(
                .notFound, plugin: path, message: "there is no such file (\(SystemError.text())). Correct the path.")
        }
        return Location(path: path, name: name)
    }

    private func notFound(_ name: String) -> String {
        let file = PluginName.fileName(of: name)
        let places = paths.map { Self.join($0, file) }.joined(separator: " nor ")
        let sentence = "there is neither \(places)."
        let single = "there is no \(places)."
        let looked = paths.count > 1 ? sentence : single
        if let advice = PluginPackages.advice(for: name) { return "\(looked) \(advice)" }
        let present = list().map(\.name)
        if let near = NearestName.match(name, among: present + PluginPackages.plugins) {
            let package = present.contains(near) ? nil : PluginPackages.package(of: near)
            return "\(looked) Did you mean \(near)\(package.map { " (package \($0))" } ?? "")?"
        }
        if present.isEmpty {
            return "\(looked) There is no plugin there at all: set plugins.directory to where they are."
        }
        return "\(looked) There are: \(present.joined(separator: ", "))."
    }

    private static func besideExecutable() -> [String] {
        guard let executable = PathResolution.real("/proc/self/exe"), let slash = executable.lastIndex(of: "/") else {
            return []
        }
        let directory = String(executable[..<slash])
        let installed = join(directory, "../lib/fphost/plugins")
        return [directory, PathResolution.real(installed) ?? installed]
    }

    private static func files(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var files: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
                    String(cString: $0)
                }
            }
            files.append(name)
        }
        return files
    }

    private static func join(_ directory: String, _ file: String) -> String {
        directory.hasSuffix("/") ? directory + file : directory + "/" + file
    }
}
