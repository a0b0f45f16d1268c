import FPPluginKit

/// Where things are on the server.
struct Paths: Sendable {
    /// Without a slash at the end; empty for the server's own root.
    private let root: String

    /// The plugin's own directory, and the one with what is not published yet.
    let privateDirectory: String
    let staging: String

    init(root: String) {
        self.root = root == "/" ? "" : root
        privateDirectory = "\(self.root)/.fp"
        staging = "\(privateDirectory)/w"
    }

    var rootDirectory: String { root.isEmpty ? "/" : root }

    func path(of key: Key) -> String { "\(root)/\(key)" }

    func path(of key: some StringProtocol) -> String { key.isEmpty ? rootDirectory : "\(root)/\(key)" }

    /// The directories that lead to a key, the outermost first, without the root.
    func way(to key: Key) -> [String] { prefixes(of: key.string).map { "\(root)/\($0)" } }

    /// root_path and all above it, the outermost first.
    var wayToRoot: [String] {
        let path = String(Substring(root.utf8.dropFirst()))
        return (prefixes(of: path) + [path[...]]).map { "/\($0)" }
    }

    /// By bytes: a slash with a combining mark behind it is a slash.
    private func prefixes(of path: String) -> [Substring] {
        path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { path[..<$0] }
    }
}

extension Connection {
    var paths: Paths { Paths(root: features.root) }
}
